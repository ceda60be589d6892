//! Requests to an auth server or an identity provider, over https: one for a document, or for a stream.

use std::{fmt, io, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{self, HeaderValue},
    http::uri::Scheme,
};
use hyper_util::rt::TokioIo;
use nolapse::verify::{KeySet, MAX_SET_BYTES};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// How long keys are fresh, unless `Cache-Control` has a shorter `max-age`.
const FRESH_FOR: Duration = Duration::from_mins(5);
/// The lower bound on a `max-age`.
const FRESH_FOR_AT_LEAST: Duration = Duration::from_secs(10);
/// The time-out for connection, request and response.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest head of a response, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Options for fetching a key set.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// A file of certificates in PEM, of the authorities to trust in place of the system's.
    pub root_certificates: Option<PathBuf>,
    /// Whether to fetch over http from other machines too: an attacker on the path can then replace the keys.
    pub allow_http: bool,
}

/// Why keys cannot be fetched from a URL.
#[derive(Debug)]
#[non_exhaustive]
pub enum BadKeyUrl {
    /// It is not absolute, or neither https nor http.
    Form,
    /// It has a user or a password in it.
    Credentials,
    /// It is http and of another machine.
    Http,
    /// The root certificates cannot be read, or there are none.
    Certificates(io::Error),
}

impl fmt::Display for BadKeyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => formatter.write_str("the key set's URL must begin with https://"),
            Self::Credentials => {
                formatter.write_str("the key set's URL must have no user or password in it")
            }
            Self::Http => formatter.write_str(
                "the key set's URL must begin with https://; http is for the same machine, or \
                 where allow_http is set",
            ),
            Self::Certificates(error) => write!(
                formatter,
                "the root certificates cannot be used ({error}); install the system's \
                 (ca-certificates), or name a file of them in root_certificates"
            ),
        }
    }
}

impl std::error::Error for BadKeyUrl {}

/// A key set, and how long it may be used.
#[derive(Clone, Debug)]
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) fresh_for: Duration,
}

/// A response whose body is read as it comes.
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    /// Dropped with the answer, which ends the connection.
    _connection: JoinSet<hyper::Result<()>>,
}

/// Sends requests to one URL.
pub(crate) struct Fetcher {
    host: String,
    port: u16,
    authority: String,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fetcher({}{})", self.authority, self.path)
    }
}

impl Fetcher {
    pub(crate) fn new(url: &str, options: &FetchOptions) -> Result<Self, BadKeyUrl> {
        let url: Uri = url.parse().map_err(|_| BadKeyUrl::Form)?;
        let (Some(scheme), Some(authority)) = (url.scheme(), url.authority()) else {
            return Err(BadKeyUrl::Form);
        };
        if authority.as_str().contains('@') {
            return Err(BadKeyUrl::Credentials);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let is_https = *scheme == Scheme::HTTPS;
        if !is_https && *scheme != Scheme::HTTP || host.is_empty() {
            return Err(BadKeyUrl::Form);
        }
        if !is_https && !options.allow_http && !is_this_machine(&host) {
            return Err(BadKeyUrl::Http);
        }
        let tls = is_https.then(|| connector(&host, options)).transpose()?;
        Ok(Self {
            port: authority
                .port_u16()
                .unwrap_or(if is_https { 443 } else { 80 }),
            authority: authority.to_string(),
            path: url
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            host,
            tls,
        })
    }

    /// Sends one request. Anything but a whole key set with status 200 is an error; redirects are not followed.
    pub(super) async fn fetch(&self) -> io::Result<Fetched> {
        let fetched = tokio::time::timeout(TIMEOUT, self.fetch_keys());
        fetched.await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    async fn fetch_keys(&self) -> io::Result<Fetched> {
        let accept = HeaderValue::from_static("application/jwk-set+json, application/json");
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept)]);
        let answer = self.ask(headers).await?;
        let (status, headers) = (answer.response.status(), answer.response.headers());
        if status != StatusCode::OK {
            return Err(io::Error::other(format!("status {status}")));
        }
        let fresh_for = fresh_for(headers);
        let body = Limited::new(answer.response.into_body(), MAX_SET_BYTES).collect();
        let body = body.await.map_err(io::Error::other)?.to_bytes();
        let keys =
            KeySet::from_json(&body).ok_or_else(|| io::Error::other("the answer is no JWK Set"))?;
        Ok(Fetched { keys, fresh_for })
    }

    /// Sends one `GET` with these headers, over a connection of its own.
    pub(super) async fn ask(&self, headers: HeaderMap) -> io::Result<Answer> {
        self.send(Method::GET, headers, Bytes::new()).await
    }

    /// Sends one request, over a connection of its own.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> io::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(&self.path)
            .header(header::HOST, &self.authority)
            .body(Full::new(body))
            .map_err(io::Error::other)?;
        request.headers_mut().extend(headers);
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await?;
                Self::exchange(stream, request).await
            }
            None => Self::exchange(stream, request).await,
        }
    }

    async fn exchange(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        request: Request<Full<Bytes>>,
    ) -> io::Result<Answer> {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        let response = sender.send_request(request).await;
        Ok(Answer {
            response: response.map_err(io::Error::other)?,
            _connection: connections,
        })
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
}

fn connector(
    host: &str,
    options: &FetchOptions,
) -> Result<(TlsConnector, ServerName<'static>), BadKeyUrl> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| BadKeyUrl::Form)?;
    let roots = roots(options).map_err(BadKeyUrl::Certificates)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| BadKeyUrl::Certificates(io::Error::other(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

fn roots(options: &FetchOptions) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &options.root_certificates {
        for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
            let certificate = certificate.map_err(io::Error::other)?;
            roots.add(certificate).map_err(io::Error::other)?;
        }
    } else {
        // Certificates of the system that cannot be read are skipped.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(io::Error::other("there are none"));
    }
    Ok(roots)
}

/// Reads a response's freshness lifetime (RFC 9111 §5.2.2), within bounds.
fn fresh_for(headers: &HeaderMap) -> Duration {
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|directive| directive.trim().to_ascii_lowercase());
    directives
        .filter_map(|directive| match directive.as_str() {
            "no-store" | "no-cache" => Some(Duration::ZERO),
            other => {
                let seconds = other.strip_prefix("max-age=")?.trim_matches('"');
                Some(Duration::from_secs(seconds.parse().ok()?))
            }
        })
        .min()
        .unwrap_or(FRESH_FOR)
        .clamp(FRESH_FOR_AT_LEAST, FRESH_FOR)
}
