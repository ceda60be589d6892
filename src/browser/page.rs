//! The page's life cycle and its user's input. Never `unload` or `beforeunload`: they cost the back/forward cache.

use std::rc::Weak;

use web_sys::Event;

use crate::core::{Input, PageChange};

use super::global::{global, property, target};
use super::host::Host;
use super::listening::Listening;

/// What the page is listened to for; dropping it ends that.
pub(super) struct PageWatch {
    _listening: Vec<Listening>,
}

impl PageWatch {
    /// Starts listening to whatever there is of a page.
    pub(super) fn new(host: &Weak<Host>) -> Self {
        let mut listening = Vec::new();
        let hears = |on: fn(&std::rc::Rc<Host>, &Event)| {
            let host = Weak::clone(host);
            Box::new(move |event: Event| {
                if let Some(host) = host.upgrade() {
                    on(&host, &event);
                }
            })
        };
        if let Some(page) = target("document") {
            let life = &["visibilitychange", "freeze", "resume"];
            listening.push(Listening::new(page.clone(), life, hears(on_life)));
            listening.push(Listening::new(
                page,
                &["pointerdown", "keydown"],
                hears(on_use),
            ));
        }
        if let Some(global) = target("self") {
            let life = &["pagehide", "pageshow", "online", "offline"];
            listening.push(Listening::new(global.clone(), life, hears(on_life)));
            listening.push(Listening::new(global, &["storage"], hears(on_storage)));
        }
        Self {
            _listening: listening,
        }
    }
}

/// Whether the page cannot be seen; a worker is never hidden by itself.
pub(super) fn is_hidden() -> bool {
    global("document")
        .and_then(|document| property(&document, "hidden"))
        .is_some_and(|hidden| hidden.is_truthy())
}

/// Whether the browser says that there is no network. That there is one proves nothing.
pub(super) fn is_offline() -> bool {
    global("navigator")
        .and_then(|navigator| property(&navigator, "onLine"))
        .is_some_and(|online| online.is_falsy())
}

fn on_life(host: &std::rc::Rc<Host>, event: &Event) {
    let change = match event.type_().as_str() {
        "visibilitychange" if is_hidden() => PageChange::Hidden,
        "visibilitychange" => PageChange::Visible,
        "freeze" => PageChange::Frozen,
        "resume" => PageChange::Resumed,
        "pagehide" => PageChange::Left,
        "online" => PageChange::Online,
        "offline" => PageChange::Offline,
        // A page that is shown for the first time has not returned from anywhere.
        "pageshow" if property(event, "persisted").is_some_and(|kept| kept.is_truthy()) => {
            PageChange::Returned
        }
        _ => return,
    };
    host.feed(Input::PageChanged(change));
}

fn on_use(host: &std::rc::Rc<Host>, _: &Event) {
    host.touch();
}

fn on_storage(host: &std::rc::Rc<Host>, event: &Event) {
    let key = property(event, "key").and_then(|key| key.as_string());
    if host.is_shelf(key.as_deref()) {
        host.feed(Input::ShelfChanged);
    }
}
