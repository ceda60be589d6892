//! Sign-in through a provider that is hostile, or broken.
#![cfg(unix)]

mod answers;
#[path = "../common/certificates.rs"]
mod certificates;
#[path = "../common/client.rs"]
mod client;
mod hostile;
mod linking;
mod logout;
#[path = "../common/mailer.rs"]
mod mailer;
mod registration;
mod scene;
mod sign_in;
mod tls;
