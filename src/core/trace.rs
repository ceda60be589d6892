//! A step of a session, without anything secret: there is no field that could hold it.

use crate::wire::PageVisibility;

use super::ids::{AttemptId, TabId};
use super::time::Timestamp;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub trigger: &'static str,
    /// Where the session stood afterwards.
    pub status: &'static str,
    /// On which tab.
    pub tab: TabId,
    /// Whether the page could be seen.
    pub page: PageVisibility,
    /// The attempt that it belongs to.
    pub attempt: Option<AttemptId>,
    /// What came of it.
    pub outcome: Option<&'static str>,
}
