//! Ways in which the refresh endpoint can fail on purpose, for the demo page and for tests.

use std::{
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use nolapse::wire::ErrorCode;
use serde::Deserialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

use super::{Counters, body::Whole};
use crate::{clock, domain::Timestamp, problem::Problem};

const MAX_SECONDS: u32 = 3_600;
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// The kind of an outage.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
pub(super) enum Kind {
    /// 503 with `Retry-After`.
    #[serde(rename = "503")]
    Unavailable,
    /// 429 with `Retry-After`.
    #[serde(rename = "429")]
    TooManyRequests,
    /// 500.
    #[serde(rename = "500")]
    Internal,
    /// 200 with the page of a captive portal.
    #[serde(rename = "html")]
    Html,
    /// The request is taken and never answered.
    #[serde(rename = "stall")]
    Stall,
    /// The connection breaks.
    #[serde(rename = "reset")]
    Reset,
    /// Exactly `status`, `content_type` and `body`, the latter `repeat` times.
    #[serde(rename = "raw")]
    Raw,
}

/// An outage of the refresh endpoint; `seconds: 0` ends it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = Outage)]
#[serde(deny_unknown_fields)]
pub(super) struct OutageSettings {
    #[schema(value_type = u32, minimum = 0, maximum = 3_600)]
    seconds: Whole<u32>,
    #[serde(default = "unavailable")]
    kind: Kind,
    /// The refresh is carried out, and only its response is lost.
    #[serde(default)]
    after_rotation: bool,
    /// How many requests are hit; without it, all.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 4_294_967_295_u32)]
    times: Option<Whole<u32>>,
    /// The value of `Retry-After`, as it is.
    #[schema(pattern = "^[^\0-\u{8}\n-\u{1f}\u{7f}]*$")]
    retry_after: Option<String>,
    #[schema(value_type = Option<u16>, minimum = 100, maximum = 999)]
    status: Option<Whole<u16>>,
    #[schema(pattern = "^[^\0-\u{8}\n-\u{1f}\u{7f}]*$")]
    content_type: Option<String>,
    body: Option<String>,
    /// As often as fits into 4 MiB, at most.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 4_194_304)]
    repeat: Option<Whole<usize>>,
}

const fn unavailable() -> Kind {
    Kind::Unavailable
}

struct Outage {
    until: Timestamp,
    left: Option<u32>,
    settings: OutageSettings,
}

/// The outage of one server, if there is one.
#[derive(Default)]
pub(crate) struct Outages {
    current: Mutex<Option<Outage>>,
    stopping: Notify,
}

impl Outages {
    /// Begins an outage, in place of any that is there.
    pub(super) fn begin(&self, now: Timestamp, settings: OutageSettings) -> Result<(), Problem> {
        let Whole(seconds) = settings.seconds;
        if seconds > MAX_SECONDS {
            return Err(Problem::invalid("seconds must be 0 to 3600"));
        }
        if settings
            .repeat
            .is_some_and(|Whole(times)| times > MAX_ANSWER_BYTES)
        {
            return Err(Problem::invalid("repeat must be 0 to 4194304"));
        }
        status(&settings)?;
        content_type(&settings)?;
        answer(&settings)?;
        let outage = Outage {
            until: now + Duration::from_secs(seconds.into()),
            left: settings.times.map(|Whole(times)| times),
            settings,
        };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(outage);
        Ok(())
    }

    /// Responds in place of the refresh.
    pub(super) async fn before(&self, counters: &Counters) -> Option<Response> {
        let settings = self.hit(false)?;
        self.fail(&settings, counters).await
    }

    /// Replaces the response of the refresh.
    pub(super) async fn after(&self, counters: &Counters) -> Option<Response> {
        let settings = self.hit(true)?;
        self.fail(&settings, counters).await
    }

    /// Ends the stalled requests.
    pub(crate) fn stop(&self) {
        self.stopping.notify_waiters();
    }

    fn hit(&self, after_rotation: bool) -> Option<OutageSettings> {
        let mut outage = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let current = outage.as_mut()?;
        if clock::now() >= current.until || current.left == Some(0) {
            *outage = None;
            return None;
        }
        if current.settings.after_rotation != after_rotation {
            return None;
        }
        current.left = current.left.map(|left| left - 1);
        Some(current.settings.clone())
    }

    async fn fail(&self, settings: &OutageSettings, counters: &Counters) -> Option<Response> {
        counters.count("refreshes_failed_on_purpose");
        if matches!(settings.kind, Kind::Stall) {
            // Until the client gives up, or the server is shut down.
            self.stopping.notified().await;
        }
        answer(settings).ok()
    }
}

fn answer(settings: &OutageSettings) -> Result<Response, Problem> {
    let text = "out of order, on purpose";
    let mut response = match settings.kind {
        Kind::Unavailable => Problem::unavailable(text, 1).into_response(),
        Kind::TooManyRequests => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let problem = Problem::new(status, ErrorCode::TooManyRequests, text);
            problem.retry_after(1).into_response()
        }
        Kind::Internal => Problem::internal().into_response(),
        Kind::Html => raw(
            StatusCode::OK,
            HeaderValue::from_static("text/html; charset=utf-8"),
            "<!doctype html><title>Welcome to our network</title><p>Please accept our terms."
                .to_owned(),
        ),
        Kind::Reset => Response::new(Body::new(Broken)),
        Kind::Stall => StatusCode::NO_CONTENT.into_response(),
        Kind::Raw => {
            let body = settings.body.as_deref().unwrap_or_default();
            let times = settings.repeat.map_or(1, |Whole(times)| times);
            let most = MAX_ANSWER_BYTES / body.len().max(1);
            raw(
                status(settings)?,
                content_type(settings)?,
                body.repeat(times.min(most)),
            )
        }
    };
    if let Some(retry_after) = &settings.retry_after {
        let value = HeaderValue::from_str(retry_after);
        let value = value.map_err(|_| Problem::invalid("retry_after must be a header's value"))?;
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    Ok(response)
}

fn status(settings: &OutageSettings) -> Result<StatusCode, Problem> {
    let status = settings.status.map_or(200, |Whole(status)| status);
    StatusCode::from_u16(status).map_err(|_| Problem::invalid("status must be an HTTP status"))
}

fn content_type(settings: &OutageSettings) -> Result<HeaderValue, Problem> {
    let kind = settings
        .content_type
        .as_deref()
        .unwrap_or("application/json");
    HeaderValue::from_str(kind)
        .map_err(|_| Problem::invalid("content_type must be a header's value"))
}

fn raw(status: StatusCode, content_type: HeaderValue, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// A body that breaks before its first byte, and the connection with it.
struct Broken;

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}
