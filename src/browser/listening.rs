//! Event listeners with an owner.

use wasm_bindgen::prelude::*;
use web_sys::{AddEventListenerOptions, Event, EventTarget};

/// Listens to some events of one target until it is dropped.
pub(super) struct Listening {
    target: EventTarget,
    types: &'static [&'static str],
    heard: Closure<dyn FnMut(Event)>,
}

impl Listening {
    /// Starts listening; the listener is passive, and sees events before anybody can stop them.
    pub(super) fn new(
        target: EventTarget,
        types: &'static [&'static str],
        heard: Box<dyn FnMut(Event)>,
    ) -> Self {
        let heard = Closure::wrap(heard);
        let options = AddEventListenerOptions::new();
        options.set_passive(true);
        options.set_capture(true);
        for kind in types {
            // Adding a listener to a real target does not fail.
            let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
                kind,
                heard.as_ref().unchecked_ref(),
                &options,
            );
        }
        Self {
            target,
            types,
            heard,
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        for kind in self.types {
            // Removing a listener does not fail either.
            let _ = self.target.remove_event_listener_with_callback_and_bool(
                kind,
                self.heard.as_ref().unchecked_ref(),
                true,
            );
        }
    }
}
