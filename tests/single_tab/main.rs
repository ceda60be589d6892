//! The core of one tab: inputs at chosen times, and the effects that follow.

mod backoff;
mod facts;
mod locks;
mod lost_locks;
mod moments;
mod patience;
mod tab;
mod tab_messages;
mod traces;
