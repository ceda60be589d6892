//! The server over real HTTP, one module an endpoint or a promise.
#![cfg(feature = "serve")]

mod accounts;
mod api;
mod cross_origin;
mod demo;
mod malformed;
mod process;
mod refresh;
mod sessions;
mod sign_out;
mod site;
mod support;
