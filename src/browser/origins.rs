//! Who may see the token: exact origins, judged after the platform's own URL parsing.

use js_sys::Map;
use wasm_bindgen::JsValue;

use super::global::{global, property};
use super::natives::Natives;

/// The origins that may see the token, with the verdicts of late.
pub(super) struct Origins {
    listed: Vec<String>,
    /// Verdicts by URL text. A text is kept as the JavaScript string that it is, so that looking it up copies nothing.
    verdicts: Map,
}

impl Origins {
    /// More different URLs than most apps call; an app that calls more pays for parsing them.
    const CAPACITY: u32 = 512;

    /// Lists these and the page's own origin, where it has one.
    pub(super) fn new(mut listed: Vec<String>) -> Self {
        let own = global("location")
            .and_then(|location| property(&location, "origin"))
            .and_then(|origin| origin.as_string())
            .filter(|origin| origin.starts_with("http"));
        listed.extend(own);
        Self {
            listed,
            verdicts: Map::new(),
        }
    }

    /// Whether a call to that URL may carry the token; what cannot be parsed may not.
    pub(super) fn admit(&self, natives: &Natives, url: &JsValue) -> bool {
        if let Some(verdict) = self.verdicts.get(url).as_bool() {
            return verdict;
        }
        let verdict = natives
            .origin(url)
            .is_some_and(|origin| self.listed.contains(&origin));
        // Another text may come to mean something else when the document's base changes.
        if url.as_string().as_deref().is_some_and(is_absolute) {
            if self.verdicts.size() >= Self::CAPACITY {
                self.verdicts.clear();
            }
            self.verdicts.set(url, &JsValue::from_bool(verdict));
        }
        verdict
    }
}

/// Whether a text means the same whatever it is resolved against.
fn is_absolute(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}
