//! Accepts connections and lets no client hold one without using it.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tower_service::Service as _;

/// The largest head of a request, in bytes. Ours have about 1,500.
const MAX_HEAD_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// How many connections are served at once; more wait in the system's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// How long to wait after the system refused to accept: it is out of files or memory.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(100);

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Answers on a listener until `stopped`, and then lets the requests under way end.
///
/// A client has `patience` for the head of a request, the first one or the next.
pub(crate) fn answer(
    listener: TcpListener,
    router: Router,
    patience: Duration,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepting = async {
                let turn = Arc::clone(&room).acquire_owned().await;
                (turn, listener.accept().await)
            };
            // A sender that is gone stops the server as well.
            let stop = async { drop(stopped.wait_for(|stop| *stop).await) };
            tokio::select! {
                () = stop => break,
                (turn, accepted) = accepting => match accepted {
                    Ok((stream, from)) => {
                        let served = serve(stream, Peer(from.ip()), router.clone(), patience, &graceful);
                        tokio::spawn(async move {
                            served.await;
                            drop(turn);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        tokio::time::sleep(OUT_OF_FILES_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        graceful.shutdown().await;
    })
}

fn serve(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    patience: Duration,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection kept its delay");
    }
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut router = router.clone();
        async move {
            Ok::<_, Infallible>(
                router
                    .call(request)
                    .await
                    .unwrap_or_else(|never| match never {}),
            )
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended badly");
        }
    }
}
