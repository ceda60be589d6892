//! A `HAProxy` that passes connections on to whichever of two clusters is the primary, as it is told by
//! `pg_is_in_recovery()`.

use std::{fmt::Write, fs};

use crate::{postgres::Postgres, service::Service};

/// A running proxy, gone when it is dropped.
pub(crate) struct HaProxy(Service);

impl HaProxy {
    /// Starts one before two clusters.
    pub(crate) fn before(clusters: [&Postgres; 2]) -> Self {
        Self(Service::start("haproxy", clusters[0], |folder, port| {
            let settings = folder.join("settings");
            fs::write(&settings, configuration(port, clusters)).expect("it is writable");
            vec!["-db".into(), "-f".into(), settings]
        }))
    }

    /// Returns the URL of a database of the primary.
    pub(crate) fn url(&self, name: &str) -> String {
        self.0.url(name)
    }
}

/// The settings: a look at each cluster five times a second, and connections to one that fails it are closed.
fn configuration(port: u16, clusters: [&Postgres; 2]) -> String {
    let startup = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(startup.len() + 8).expect("it is short");
    let startup = [&length.to_be_bytes(), &[0, 3, 0, 0], startup.as_slice()].concat();
    let question = b"select pg_is_in_recovery();\0";
    let length = u32::try_from(question.len() + 4).expect("it is short");
    let question = [b"Q".as_slice(), &length.to_be_bytes(), question].concat();
    let [first, second] = clusters.map(Postgres::port);
    format!(
        "defaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1h\n  timeout server 1h\n  timeout check 1s\n\
         listen primary\n  bind 127.0.0.1:{port}\n  option tcp-check\n  tcp-check connect\n  \
         tcp-check send-binary {}\n  tcp-check expect binary 5a0000000549\n  \
         tcp-check send-binary {}\n  tcp-check expect binary 440000000b00010000000166\n  \
         default-server inter 200 fall 2 rise 1 on-marked-down shutdown-sessions\n  \
         server first 127.0.0.1:{first} check\n  server second 127.0.0.1:{second} check\n",
        hex(&startup),
        hex(&question)
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
