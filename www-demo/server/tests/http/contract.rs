//! Holds every response of every test to the server's own `OpenAPI` document.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use hyper::Method;
use nolapse_server::serve::RunningServer;
use serde_json::{Map, Value};

use crate::support::{Answer, Call};

/// An operation and a status: `GET /me 200`.
pub(crate) type Outcome = String;

/// The `OpenAPI` documents of a server.
pub(crate) struct Contract {
    /// The auth server's document.
    pub(crate) auth: Arc<Document>,
    /// The API's.
    pub(crate) api: Arc<Document>,
}

impl Contract {
    /// Reads both documents of a server.
    pub(crate) async fn of(server: &RunningServer) -> Self {
        Self {
            auth: Document::at(server.auth_addr.to_string()).await,
            api: Document::at(server.api_addr.to_string()).await,
        }
    }
}

/// The document of one origin.
pub(crate) struct Document {
    /// The document.
    pub(crate) text: Value,
    seen: Mutex<BTreeSet<Outcome>>,
    is_broken: AtomicBool,
}

impl Document {
    async fn at(address: String) -> Arc<Self> {
        let answer = Call::new(address, Method::GET, "/openapi.json")
            .send()
            .await;
        Arc::new(Self {
            text: answer.body,
            seen: Mutex::default(),
            is_broken: AtomicBool::new(false),
        })
    }

    /// Lets everything pass from now on: the server is broken on purpose.
    pub(crate) fn expect_anything(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
    }

    /// Returns the documented answers that were given.
    pub(crate) fn seen(&self) -> BTreeSet<Outcome> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the documented answers, those that are named by their status.
    pub(crate) fn documented(&self) -> BTreeSet<Outcome> {
        let mut documented = BTreeSet::new();
        for (path, method, operation) in self.operations() {
            let statuses = operation["responses"]
                .as_object()
                .expect("an object")
                .keys();
            let named = statuses.filter(|status| *status != "default");
            documented.extend(named.map(|status| outcome(&method, &path, status)));
        }
        documented
    }

    /// Returns all operations with path and method.
    pub(crate) fn operations(&self) -> Vec<(String, String, &Value)> {
        let paths = self.paths().iter();
        let all = paths.flat_map(|(path, item)| {
            let item = item.as_object().expect("an object").iter();
            item.map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation))
        });
        all.collect()
    }

    /// Asserts that the document describes such a response.
    #[track_caller]
    pub(crate) fn check(&self, method: &Method, path: &str, answer: &Answer) {
        let status = answer.status.as_u16();
        // A head that is too large never reaches the router.
        let is_exempt = status == 431 || [Method::HEAD, Method::OPTIONS].contains(method);
        if is_exempt || self.is_broken.load(Ordering::Relaxed) {
            return;
        }
        let Some((path, item)) = self.paths().iter().find(|(known, _)| matches(known, path)) else {
            let is_page = !answer.header("content-security-policy").is_empty();
            assert!(
                is_page || [400, 404].contains(&status),
                "{method} {path}: {answer:?}"
            );
            return;
        };
        let Some(operation) = item.get(method.as_str().to_lowercase()) else {
            assert!([400, 405].contains(&status), "{method} {path}: {answer:?}");
            return;
        };
        let responses = &operation["responses"];
        let named = responses.get(status.to_string());
        if named.is_some() {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(outcome(method.as_str(), path, &status.to_string()));
        } else {
            assert!(status >= 400, "{method} {path} does not document {status}");
        }
        let response = named.unwrap_or(&responses["default"]);
        let Some(content) = response.get("content").and_then(Value::as_object) else {
            assert!(
                answer.bytes.is_empty(),
                "{method} {path} {status} has a body"
            );
            return;
        };
        let (kind, media) = content.iter().next().expect("a media type");
        assert_eq!(
            answer.header("content-type"),
            kind,
            "{method} {path} {status}"
        );
        if kind == "text/event-stream" {
            return;
        }
        let misfit = self.misfit(&answer.body, &media["schema"], "");
        assert_eq!(misfit, None, "{method} {path} {status}: {}", answer.body);
    }

    fn paths(&self) -> &Map<String, Value> {
        self.text["paths"].as_object().expect("paths")
    }

    /// Returns the place of a value that is not as the schema has it; a member that the schema does not have
    /// is one.
    fn misfit(&self, value: &Value, schema: &Value, place: &str) -> Option<String> {
        if let Some(name) = schema["$ref"].as_str() {
            let target = self
                .text
                .pointer(name.trim_start_matches('#'))
                .expect("a schema");
            return self.misfit(value, target, place);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let mut choices = choices.iter();
            let fits = choices.any(|choice| self.misfit(value, choice, place).is_none());
            return (!fits).then(|| place.to_owned());
        }
        let one = std::slice::from_ref(&schema["type"]);
        let types = schema["type"].as_array().map_or(one, Vec::as_slice);
        let is_listed = schema["enum"]
            .as_array()
            .is_none_or(|words| words.contains(value));
        if !is_listed || !types.iter().any(|name| is_of(value, name.as_str())) {
            return Some(place.to_owned());
        }
        match value {
            Value::Array(items) => {
                let mut items = items.iter().enumerate();
                items.find_map(|(at, item)| {
                    self.misfit(item, &schema["items"], &format!("{place}/{at}"))
                })
            }
            Value::Object(members) => self.misfit_member(members, schema, place),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    fn misfit_member(
        &self,
        members: &Map<String, Value>,
        schema: &Value,
        place: &str,
    ) -> Option<String> {
        if schema.get("properties").is_none() && schema.get("additionalProperties").is_none() {
            return None;
        }
        let required = schema["required"].as_array().into_iter().flatten();
        let mut required = required.filter_map(Value::as_str);
        if let Some(missing) = required.find(|name| !members.contains_key(*name)) {
            return Some(format!("{place}/{missing}"));
        }
        members.iter().find_map(|(name, value)| {
            let place = format!("{place}/{name}");
            let known = schema["properties"].get(name);
            match known.or_else(|| schema.get("additionalProperties")) {
                Some(schema) => self.misfit(value, schema, &place),
                None => Some(place),
            }
        })
    }
}

fn outcome(method: &str, path: &str, status: &str) -> Outcome {
    format!("{method} {path} {status}")
}

fn matches(known: &str, path: &str) -> bool {
    let (mut known, mut path) = (known.split('/'), path.split('/'));
    loop {
        match (known.next(), path.next()) {
            (None, None) => return true,
            (Some(known), Some(part)) if known == part || known == "{id}" && !part.is_empty() => {}
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

fn is_of(value: &Value, name: Option<&str>) -> bool {
    match value {
        Value::Null => name == Some("null"),
        Value::Bool(_) => name == Some("boolean"),
        Value::Number(number) => {
            name == Some("number") || name == Some("integer") && !number.is_f64()
        }
        Value::String(_) => name == Some("string"),
        Value::Array(_) => name == Some("array"),
        Value::Object(_) => name == Some("object"),
    }
}
