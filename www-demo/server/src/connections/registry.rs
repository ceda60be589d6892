//! The open connections by the peer's network, and the eviction of the stalest.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::routes::Counters;

/// How many evicted connections may still be closing while others are accepted.
const CLOSING: usize = 8;

/// The open connections of all listeners.
pub(crate) struct Connections {
    capacity: usize,
    per_address: Option<usize>,
    room: Arc<Semaphore>,
    begun: Instant,
    open: Mutex<Open>,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Open {
    next: u64,
    count: usize,
    by_address: BTreeMap<IpAddr, BTreeMap<u64, Arc<Progress>>>,
}

/// A connection's last progress.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    /// Milliseconds from `begun` to the last request or the last bytes that the peer's system took.
    at: AtomicU64,
    is_handling: AtomicBool,
    evicted: Notify,
}

/// A registered connection. Dropping it removes it.
pub(super) struct Registered {
    connections: Arc<Connections>,
    address: IpAddr,
    number: u64,
    pub(super) progress: Arc<Progress>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// Creates a registry of at most `capacity` connections, and `per_address` from one address.
    pub(crate) fn new(
        capacity: usize,
        per_address: Option<usize>,
        counters: Arc<Counters>,
    ) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            per_address,
            room: Arc::new(Semaphore::new(capacity + CLOSING)),
            begun: Instant::now(),
            open: Mutex::default(),
            counters,
        })
    }

    /// Returns how many connections may be open.
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns how many connections are open.
    pub(crate) fn count(&self) -> usize {
        self.open().count
    }

    /// Waits for a permit for one more socket. Evicted connections return theirs at once.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).acquire_owned().await.ok()
    }

    /// Registers a connection. At the limit of its address, the stalest connection of the address is evicted; at the limit
    /// of the server, the stalest of the address with the most.
    pub(super) fn register(
        self: &Arc<Self>,
        peer: IpAddr,
        permit: OwnedSemaphorePermit,
    ) -> Registered {
        let address = network(peer);
        let mut open = self.open();
        let of_address = open.by_address.get(&address).map_or(0, BTreeMap::len);
        if self.per_address.is_some_and(|most| of_address >= most) {
            self.evict(&mut open, address);
        } else if open.count >= self.capacity {
            self.evict_of_largest(&mut open);
        }
        let progress = Arc::new(Progress {
            begun: self.begun,
            at: AtomicU64::new(0),
            is_handling: AtomicBool::new(false),
            evicted: Notify::new(),
        });
        progress.note();
        let number = open.next;
        open.next += 1;
        open.count += 1;
        let of_address = open.by_address.entry(address).or_default();
        of_address.insert(number, Arc::clone(&progress));
        Registered {
            connections: Arc::clone(self),
            address,
            number,
            progress,
            _permit: permit,
        }
    }

    /// Evicts a connection for lack of files.
    pub(super) fn evict_stalest(&self) {
        self.evict_of_largest(&mut self.open());
    }

    fn evict_of_largest(&self, open: &mut Open) {
        let largest = open.by_address.iter().max_by_key(|(_, of)| of.len());
        if let Some(address) = largest.map(|(address, _)| *address) {
            self.evict(open, address);
        }
    }

    fn evict(&self, open: &mut Open, address: IpAddr) {
        let of_address = open.by_address.get(&address).into_iter().flatten();
        let stalest = of_address.min_by_key(|(_, progress)| progress.order());
        if let Some(number) = stalest.map(|(number, _)| *number)
            && let Some(progress) = open.remove(address, number)
        {
            progress.evicted.notify_one();
            self.counters.count("connections_evicted");
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn remove(&mut self, address: IpAddr, number: u64) -> Option<Arc<Progress>> {
        let of_address = self.by_address.get_mut(&address)?;
        let removed = of_address.remove(&number)?;
        if of_address.is_empty() {
            self.by_address.remove(&address);
        }
        self.count -= 1;
        Some(removed)
    }
}

impl Registered {
    /// Counts a connection whose peer did not read.
    pub(super) fn count_stalled(&self) {
        self.connections.counters.count("connections_stalled");
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connections.open().remove(self.address, self.number);
    }
}

impl Progress {
    /// Records progress: a whole request, or bytes of a response that the peer acknowledged. Bytes of a head do not count.
    pub(super) fn note(&self) {
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.at.store(millis, Ordering::Relaxed);
    }

    /// Marks a request as in progress, until the returned value is dropped.
    pub(super) fn handling(self: &Arc<Self>) -> Handling {
        self.note();
        self.is_handling.store(true, Ordering::Relaxed);
        Handling(Arc::clone(self))
    }

    /// Waits until the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// The order of eviction: connections that wait for their peer, longest first.
    fn order(&self) -> (bool, u64) {
        (
            self.is_handling.load(Ordering::Relaxed),
            self.at.load(Ordering::Relaxed),
        )
    }
}

/// A request that is being handled.
pub(super) struct Handling(Arc<Progress>);

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.is_handling.store(false, Ordering::Relaxed);
        self.0.note();
    }
}

/// Returns the network of one subscriber: an IPv4 address, or the /64 of an IPv6 address.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const EVE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// Registers a connection whose last progress was at this time.
    async fn open(connections: &Arc<Connections>, peer: IpAddr, millis: u64) -> Registered {
        let permit = connections.permit().await.unwrap();
        let registered = connections.register(peer, permit);
        registered.progress.at.store(millis, Ordering::Relaxed);
        registered
    }

    async fn is_evicted(registered: &Registered) -> bool {
        tokio::select! {
            biased;
            () = registered.progress.evicted() => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn beyond_the_cap_of_an_address_its_stalest_connection_is_closed() {
        let connections = Connections::new(100, Some(3), Arc::default());
        let other = open(&connections, EVE, 0).await;
        let (first, second, third) = (
            open(&connections, ADA, 4_000).await,
            open(&connections, ADA, 2_000).await,
            open(&connections, ADA, 3_000).await,
        );

        let fourth = open(&connections, ADA, 5_000).await;

        assert!(is_evicted(&second).await);
        for kept in [&other, &first, &third, &fourth] {
            assert!(!is_evicted(kept).await);
        }
        assert_eq!(connections.count(), 4);
    }

    #[tokio::test]
    async fn beyond_the_cap_of_the_server_the_address_with_most_connections_loses_one() {
        let connections = Connections::new(4, None, Arc::default());
        let lone = open(&connections, EVE, 0).await;
        let (busy, idle, third) = (
            open(&connections, ADA, 1_000).await,
            open(&connections, ADA, 2_000).await,
            open(&connections, ADA, 3_000).await,
        );
        let handling = busy.progress.handling();

        let newcomer = open(&connections, EVE, 4_000).await;

        assert!(is_evicted(&idle).await);
        for kept in [&lone, &busy, &third, &newcomer] {
            assert!(!is_evicted(kept).await);
        }
        drop(handling);
        drop((lone, busy, idle, third, newcomer));
        assert_eq!(connections.count(), 0);
        assert!(connections.open().by_address.is_empty());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let network = |text: &str| network(text.parse().unwrap());

        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:1.2.3.4"), network("1.2.3.4"));
    }
}
