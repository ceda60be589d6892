//! Clients that hold connections in one way or another, and one that does not.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::{net::SocketAddr, time::Duration};

use nolapse::wire::REFRESH_PATH;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout},
};

const PAGE: &str = "https://app.example.com";

/// What a client does with its connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    AsksAndNeverReads,
    PipelinesAndNeverReads,
    ReadsAByteASecond,
    SendsItsHeadSlowly,
    SendsItsBodySlowly,
    SendsABodyThatIsNotRead,
    ClosesItsHalf,
    SaysNothing,
}

/// All of them.
pub(crate) const KINDS: [Kind; 8] = [
    Kind::AsksAndNeverReads,
    Kind::PipelinesAndNeverReads,
    Kind::ReadsAByteASecond,
    Kind::SendsItsHeadSlowly,
    Kind::SendsItsBodySlowly,
    Kind::SendsABodyThatIsNotRead,
    Kind::ClosesItsHalf,
    Kind::SaysNothing,
];

/// Connects from an address of this machine.
pub(crate) async fn connect(from: &str, to: SocketAddr, receive_buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    let connected = timeout(Duration::from_secs(5), socket.connect(to));
    connected.await.unwrap().unwrap()
}

/// Begins what the kind does; what it goes on doing is [`go_on`].
pub(crate) async fn begin(kind: Kind, from: &str, to: SocketAddr) -> TcpStream {
    let mut stream = connect(from, to, Some(16_384)).await;
    let request = "GET /large.bin HTTP/1.1\r\nhost: x\r\n\r\n";
    let body = format!(
        "POST {REFRESH_PATH} HTTP/1.1\r\nhost: x\r\norigin: {PAGE}\r\nnolapse-version: 1\r\n\
         content-type: application/json\r\ncontent-length: 90\r\n\r\n{{"
    );
    let sent = match kind {
        Kind::AsksAndNeverReads | Kind::ReadsAByteASecond | Kind::ClosesItsHalf => {
            request.to_owned()
        }
        Kind::PipelinesAndNeverReads => {
            "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1_000)
        }
        Kind::SendsItsHeadSlowly => "GET /healthz HTTP/1.1\r\nhost: x\r\n".to_owned(),
        Kind::SendsItsBodySlowly => body,
        Kind::SendsABodyThatIsNotRead => {
            "GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n".to_owned()
        }
        Kind::SaysNothing => String::new(),
    };
    // A server that takes no more has taken enough.
    drop(
        timeout(
            Duration::from_millis(300),
            stream.write_all(sent.as_bytes()),
        )
        .await,
    );
    if kind == Kind::ClosesItsHalf {
        stream.shutdown().await.unwrap();
    }
    stream
}

/// Does the next bit of what is done slowly.
pub(crate) async fn go_on(kind: Kind, stream: &mut TcpStream) {
    match kind {
        Kind::ReadsAByteASecond => drop(stream.try_read(&mut [0])),
        Kind::SendsItsHeadSlowly => drop(stream.try_write(b"x")),
        Kind::SendsItsBodySlowly | Kind::SendsABodyThatIsNotRead => drop(stream.try_write(b" ")),
        Kind::AsksAndNeverReads
        | Kind::PipelinesAndNeverReads
        | Kind::ClosesItsHalf
        | Kind::SaysNothing => {}
    }
}

/// Asks for something small over a new connection; returns how long that took.
pub(crate) async fn well_behaved(from: &str, to: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut stream = connect(from, to, None).await;
    let request = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    let read = timeout(Duration::from_secs(5), stream.read_to_string(&mut answer));
    read.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    begun.elapsed()
}
