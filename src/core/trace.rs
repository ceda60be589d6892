//! Trace entries. No field can hold a secret.

use crate::wire::PageVisibility;

use super::ids::{AttemptId, TabId};
use super::time::Timestamp;

/// One handled input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When the input was handled.
    pub at: Timestamp,
    /// The input's name.
    pub trigger: &'static str,
    /// The status afterwards.
    pub status: &'static str,
    /// The tab.
    pub tab: TabId,
    /// Whether the page was visible.
    pub page: PageVisibility,
    /// The current attempt, if an exchange is running.
    pub attempt: Option<AttemptId>,
    /// The outcome of the input.
    pub outcome: Option<&'static str>,
}
