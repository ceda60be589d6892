//! Accepts connections, with time-outs for slow clients.
//!
//! `timeout` bounds the head of each request ([`serve`]), the reading of a response ([`stream`]) and the body. Beyond
//! the limit of an address or of open files, the connection with the longest lack of progress is closed ([`registry`]).
//!
//! Pipelined requests (RFC 9112 §9.3.2) are served one by one, while unread output fits in the buffers of hyper and the
//! system: [`MAX_HEAD_BYTES`] and [`SEND_BUFFER_BYTES`].

mod capacity;
mod registry;
mod stream;

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use rustix::io::Errno;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

pub(crate) use capacity::capacity;
pub(crate) use registry::Connections;
use registry::Registered;
use stream::TimedStream;

/// The largest head of a request, in bytes; the client's have about 1,500. A response is begun while at most this much
/// output is buffered.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// The socket's send buffer (`SO_SNDBUF`). A larger one would hide a slow reader's progress for longer than `timeout`.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// The pause after `accept` failed for lack of files or memory.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(50);

/// What the connections of a listener are served with.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) router: Router,
    /// Terminates TLS; `None` serves plain HTTP.
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) timeout: Duration,
}

/// Serves a listener until `stopped`, then waits for the requests under way.
pub(crate) fn serve(
    listener: TcpListener,
    service: Service,
    connections: Arc<Connections>,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        let mut is_refused = false;
        loop {
            let accepting = async {
                let permit = connections.permit().await;
                (permit, listener.accept().await)
            };
            // A dropped sender stops the server as well.
            let stop = async { drop(stopped.wait_for(|stop| *stop).await) };
            let (permit, accepted) = tokio::select! {
                () = stop => break,
                accepted = accepting => accepted,
            };
            match (permit, accepted) {
                (None, _) => break,
                (Some(permit), Ok((stream, from))) => {
                    is_refused = false;
                    let registered = connections.register(from.ip(), permit);
                    let (service, watcher) = (service.clone(), graceful.watcher());
                    let served = accept(stream, from, service, registered, watcher);
                    tokio::spawn(served);
                }
                (Some(_), Err(error)) if is_exhaustion(&error) => {
                    if !is_refused {
                        tracing::warn!(%error, "connections are not accepted: idle ones are closed");
                    }
                    is_refused = true;
                    connections.evict_stalest();
                    tokio::time::sleep(OUT_OF_FILES_PAUSE).await;
                }
                (Some(_), Err(error)) => tracing::debug!(%error, "a connection was not accepted"),
            }
        }
        drop(listener);
        graceful.shutdown().await;
    })
}

/// Returns whether the system is out of files or memory. Other errors concern one connection (`accept(2)`).
fn is_exhaustion(error: &io::Error) -> bool {
    let errors = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| errors.contains(&error))
}

/// Serves a connection, after the TLS handshake if there is one.
async fn accept(
    stream: TcpStream,
    peer: SocketAddr,
    service: Service,
    registered: Registered,
    watcher: Watcher,
) {
    let options = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER_BYTES));
    if let Err(error) = options {
        tracing::debug!(%error, "a connection kept the system's options");
    }
    let Service {
        router,
        tls,
        timeout,
    } = service;
    let stream = TimedStream::new(stream, Arc::clone(&registered.progress), timeout);
    let Some(tls) = tls else {
        return serve_connection(stream, peer, router, timeout, registered, watcher).await;
    };
    let handshake = tokio::time::timeout(timeout, tls.accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        () = registered.progress.evicted() => return,
    };
    match accepted {
        Ok(stream) => serve_connection(stream, peer, router, timeout, registered, watcher).await,
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: SocketAddr,
    router: Router,
    timeout: Duration,
    registered: Registered,
    watcher: Watcher,
) {
    let progress = Arc::clone(&registered.progress);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let (mut router, handling) = (router.clone(), progress.handling());
        async move {
            let response = router.call(request).await;
            drop(handling);
            Ok::<_, Infallible>(response.unwrap_or_else(|never| match never {}))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let connection = watcher.watch(connection);
    let ended = tokio::select! {
        ended = connection => ended,
        () = registered.progress.evicted() => {
            tracing::debug!("a connection made room for another one");
            return;
        }
    };
    if let Err(error) = ended {
        if is_stall(&error) {
            registered.count_stalled();
        }
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// Returns whether a connection ended because its peer did not read.
fn is_stall(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
