//! A `PgBouncer` in transaction mode before a cluster: each transaction gets any of three connections.

use std::fs;

use crate::{postgres::Postgres, service::Service};

/// A running pooler, gone when it is dropped.
pub(crate) struct PgBouncer(Service);

impl PgBouncer {
    /// Starts one before a cluster.
    pub(crate) fn before(postgres: &Postgres) -> Self {
        Self(Service::start("pgbouncer", postgres, |folder, port| {
            let (users, settings) = (folder.join("users"), folder.join("settings"));
            fs::write(&users, "\"postgres\" \"\"\n").expect("it is writable");
            let text = format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\n\
                 default_pool_size = 3\nmax_client_conn = 200\n",
                postgres.port(),
                users.display()
            );
            fs::write(&settings, text).expect("it is writable");
            vec!["-q".into(), settings]
        }))
    }

    /// Returns the URL of a database through the pooler.
    pub(crate) fn url(&self, direct: &str) -> String {
        let (_, name) = direct.rsplit_once('/').expect("a database's URL");
        self.0.url(name)
    }
}
