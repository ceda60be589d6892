//! The core of one tab: inputs at chosen times, and the effects that follow.

mod activity;
mod backoff;
mod contexts;
mod deadlines;
mod facts;
mod locks;
mod lost_locks;
mod push;
mod recovery_waits;
mod tab;
mod tab_messages;
mod traces;
