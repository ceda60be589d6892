//! The open push streams of pages, by session, and who tells them of revocations.
//!
//! One task follows the log for all of them: a revocation costs one look-up, however many streams are open.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    domain::{Revoked, SessionId, UserId},
    revocations::{Revocations, Update},
};

/// The most streams of one session: one per browser, and without Web Locks one per visible page.
const MAX_PER_SESSION: usize = 16;

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The session has too many.
    Session,
    /// The server has too many, or stops.
    Server,
}

/// The streams of a server.
#[derive(Debug)]
pub(crate) struct PushStreams {
    open: Mutex<Open>,
    most: usize,
}

#[derive(Debug, Default)]
struct Open {
    sessions: BTreeMap<SessionId, Vec<Listener>>,
    count: usize,
    next: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Listener {
    id: u64,
    /// `None` until it has been looked up.
    user: Option<UserId>,
    tell: oneshot::Sender<()>,
}

/// A stream that is open, until it is dropped. Resolves to whether its session was revoked; the server stops otherwise.
#[derive(Debug)]
pub(crate) struct PushStream {
    streams: Arc<PushStreams>,
    session: SessionId,
    id: u64,
    told: oneshot::Receiver<()>,
}

impl PushStreams {
    /// Creates a registry of at most `most` streams.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            open: Mutex::default(),
            most,
        })
    }

    /// Returns how many streams are open.
    pub(crate) fn count(&self) -> usize {
        self.open().count
    }

    /// Opens a stream of a session. What is revoked from now on is told; look up then what was revoked before.
    pub(crate) fn add(self: &Arc<Self>, session: SessionId) -> Result<PushStream, Refused> {
        let mut open = self.open();
        if open.is_closed || open.count >= self.most {
            return Err(Refused::Server);
        }
        let id = open.next;
        let listeners = open.sessions.entry(session).or_default();
        if listeners.len() >= MAX_PER_SESSION {
            return Err(Refused::Session);
        }
        let (tell, told) = oneshot::channel();
        let user = None;
        listeners.push(Listener { id, user, tell });
        open.count += 1;
        open.next += 1;
        Ok(PushStream {
            streams: Arc::clone(self),
            session,
            id,
            told,
        })
    }

    /// Tells the streams that a revocation concerns. One whose user is not known yet is told of any user: it asks once too
    /// often.
    fn revoke(&self, revoked: Revoked) {
        let mut open = self.open();
        let told: Vec<Listener> = match revoked {
            Revoked::Session(session, _) => open.sessions.remove(&session).unwrap_or_default(),
            Revoked::User(user) => {
                let concerns = |listener: &mut Listener| listener.user.is_none_or(|it| it == user);
                let sessions = open.sessions.values_mut();
                sessions
                    .flat_map(|all| all.extract_if(.., concerns))
                    .collect()
            }
        };
        open.count -= told.len();
        drop(open);
        for listener in told {
            // The stream may be closed already.
            let _ = listener.tell.send(());
        }
    }

    /// Ends all streams, and opens no more.
    fn close(&self) {
        let mut open = self.open();
        open.is_closed = true;
        open.sessions.clear();
        open.count = 0;
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells streams of revocations until the log is closed, when the server stops.
pub(crate) fn tell(streams: Arc<PushStreams>, revocations: &Arc<Revocations>) -> JoinHandle<()> {
    let mut reader = revocations.reader(None);
    tokio::spawn(async move {
        while let Some(update) = reader.next().await {
            if let Update::Revoked(batch) = update {
                for entry in &batch.entries {
                    streams.revoke(entry.revoked);
                }
            }
        }
        streams.close();
    })
}

impl PushStream {
    /// Says whose session it is.
    pub(crate) fn set_user(&self, user: UserId) {
        let mut open = self.streams.open();
        let listeners = open.sessions.get_mut(&self.session);
        let own = listeners.and_then(|all| all.iter_mut().find(|listener| listener.id == self.id));
        if let Some(listener) = own {
            listener.user = Some(user);
        }
    }
}

impl Future for PushStream {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.told)
            .poll(context)
            .map(|told| told.is_ok())
    }
}

impl Drop for PushStream {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        let Some(listeners) = open.sessions.get_mut(&self.session) else {
            return;
        };
        let before = listeners.len();
        listeners.retain(|listener| listener.id != self.id);
        let removed = before - listeners.len();
        if listeners.is_empty() {
            open.sessions.remove(&self.session);
        }
        open.count -= removed;
    }
}
