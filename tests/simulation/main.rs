//! The core in a simulated world of many tabs, with the reference server's rules: scenarios, random schedules, and what an
//! hour of failures costs.

mod callers;
mod device_keys;
mod failures;
mod forgeries;
mod losses;
mod outage_calls;
mod outages;
mod passwords;
mod push;
mod records;
mod scenarios;
mod schedules;
mod sign_outs;
mod sim;
mod tabs;
mod worst_hour;
