//! Requests to a provider: bounded in time and size, without redirects.

use std::{io, time::Duration};

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Bytes;

use crate::verifier::{FetchOptions, Fetcher};

/// How long connection, request and response may take together.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest body that is read, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// One URL of a provider.
#[derive(Debug)]
pub(super) struct Endpoint {
    fetcher: Fetcher,
    pub(super) url: String,
}

/// A response that was read whole.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Endpoint {
    /// Accepts https, and http of this machine.
    pub(super) fn new(url: &str, options: &FetchOptions) -> Option<Self> {
        let fetcher = Fetcher::new(url, options);
        let fetcher = fetcher.inspect_err(|error| tracing::warn!(%error, "a provider's URL"));
        Some(Self {
            fetcher: fetcher.ok()?,
            url: url.to_owned(),
        })
    }

    pub(super) async fn get(&self, authorization: Option<HeaderValue>) -> io::Result<Reply> {
        self.send(Method::GET, authorization, None).await
    }

    pub(super) async fn post(
        &self,
        authorization: Option<HeaderValue>,
        form: String,
    ) -> io::Result<Reply> {
        self.send(Method::POST, authorization, Some(form)).await
    }

    async fn send(
        &self,
        method: Method,
        authorization: Option<HeaderValue>,
        form: Option<String>,
    ) -> io::Result<Reply> {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json);
        if let Some(mut authorization) = authorization {
            authorization.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, authorization);
        }
        if form.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(header::CONTENT_TYPE, form);
        }
        let body = form.map(Bytes::from).unwrap_or_default();
        let asking = async {
            let answer = self.fetcher.send(method, headers, body).await?;
            let status = answer.response.status();
            let body = Limited::new(answer.response.into_body(), MAX_BYTES).collect();
            let body = body.await.map_err(io::Error::other)?.to_bytes();
            Ok(Reply { status, body })
        };
        let asked = tokio::time::timeout(TIMEOUT, asking).await;
        asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
