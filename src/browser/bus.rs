//! The channel between the tabs of one browser.

use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

use super::global::global;
use super::listening::Listening;
use crate::core::TabMessage;

/// An open channel; dropping it closes it.
pub(super) struct Bus {
    channel: BroadcastChannel,
    _listening: Listening,
}

impl Bus {
    /// Opens the channel; `None` where the browser has none or refuses. `heard` gets `None` for what no tab says.
    pub(super) fn open(name: &str, heard: Box<dyn Fn(Option<TabMessage>)>) -> Option<Self> {
        global("BroadcastChannel")?;
        let channel = BroadcastChannel::new(name).ok()?;
        let listening = Listening::new(
            channel.clone().into(),
            &["message"],
            Box::new(move |event| {
                let data = event.unchecked_into::<MessageEvent>().data();
                heard(data.as_string().as_deref().and_then(TabMessage::decode));
            }),
        );
        Some(Self {
            channel,
            _listening: listening,
        })
    }

    /// Tells the other tabs.
    pub(super) fn post(&self, message: &TabMessage) {
        // News are a courtesy: a tab that misses them finds the mark on the shelf.
        let _ = self.channel.post_message(&message.encode().into());
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.channel.close();
    }
}
