//! The server over real HTTP, one module an endpoint or a promise.

#[path = "../common/authenticator.rs"]
mod authenticator;
#[path = "../common/instances.rs"]
mod instances;
#[path = "../common/issuing.rs"]
mod issuing;
#[path = "../common/mailer.rs"]
mod mailer;
#[path = "../common/nginx.rs"]
mod nginx;
#[path = "../common/postgres.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod postgres;

mod accounts;
mod algorithm_pair;
mod algorithms;
mod api;
mod binding_setting;
mod both;
mod both_databases;
mod bound_browser;
mod bound_sign_ins;
mod call;
mod clients;
mod commands;
mod conformance;
mod conformance_bodies;
mod contexts;
mod contract;
mod copied_cookies;
mod costly_input;
mod cross_origin;
mod dbsc;
mod dbsc_input;
mod demo;
mod dev_tls;
mod device_binding;
mod documented_accounts;
mod dpop;
mod events;
mod first_password;
mod generated;
mod guesses;
mod held;
mod host;
mod limits;
mod look_up;
mod look_up_dead;
mod losses;
mod malformed;
mod metrics;
mod notices;
mod openapi;
mod origins;
mod page_cookie;
mod passkey_list;
mod passkeys;
mod password;
mod plain_requests;
mod process;
mod push_stream;
mod raw;
mod refresh;
mod response_headers;
mod revocation_apis;
mod revocation_pair;
mod revocation_stream;
mod revocations;
mod security_log;
mod security_log_limits;
mod sessions;
mod several;
mod several_accounts;
mod shards;
mod shards_revocations;
mod sign_out;
mod site;
mod step_up;
mod support;
mod time;
mod totp;
mod two_databases;
