//! A server that answers every request with the same bytes, and counts them.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// A server of key sets.
pub(crate) struct KeyServer {
    port: u16,
    requests: Arc<AtomicUsize>,
    answer: Arc<Mutex<String>>,
}

impl KeyServer {
    /// Starts one over HTTP.
    pub(crate) async fn start(answer: &str) -> Self {
        Self::start_with(None, answer).await
    }

    /// Starts one over HTTPS, with the certificate of a folder.
    pub(crate) async fn start_tls(folder: &Path, answer: &str) -> Self {
        let certificate = CertificateDer::from_pem_file(folder.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        Self::start_with(Some(TlsAcceptor::from(Arc::new(config))), answer).await
    }

    async fn start_with(tls: Option<TlsAcceptor>, answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            answer: Arc::new(Mutex::new(answer.to_owned())),
        };
        let (requests, answer) = (Arc::clone(&server.requests), Arc::clone(&server.answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (requests, answer) = (Arc::clone(&requests), Arc::clone(&answer));
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        // A client that does not trust the certificate breaks off.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                reply(stream, &requests, &answer).await;
                            }
                        }
                        None => reply(stream, &requests, &answer).await,
                    }
                });
            }
        });
        server
    }

    /// Answers so from now on.
    pub(crate) fn answer(&self, answer: &str) {
        answer.clone_into(&mut self.answer.lock().unwrap());
    }

    pub(crate) fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/jwks.json", self.port)
    }

    /// Returns how many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn reply(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: &AtomicUsize,
    answer: &Mutex<String>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(1..) if !request.starts_with(&[0x16]) => {}
            // The end, an error, or a handshake of TLS.
            Ok(_) | Err(_) => return,
        }
    }
    assert!(request.starts_with(b"GET /jwks.json HTTP/1.1\r\n"));
    requests.fetch_add(1, Ordering::SeqCst);
    let answer = answer.lock().unwrap().clone();
    // Who has read enough breaks off.
    let sent = stream.write_all(answer.as_bytes()).await;
    drop(sent);
    drop(stream.shutdown().await);
}
