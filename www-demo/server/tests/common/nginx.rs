//! A private nginx in front of several servers.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// An nginx in front of several addresses. Dropping it ends it.
pub(crate) struct Nginx {
    child: Child,
    /// Where it answers.
    pub(crate) address: String,
}

impl Nginx {
    /// Starts nginx as `docs/deployment.md` shows it, with these servers behind it.
    pub(crate) fn start(folder: &Path, servers: &[&str]) -> Self {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = taken.local_addr().expect("it is bound").to_string();
        drop(taken);
        let behind = servers.join(" max_fails=1 fail_timeout=1s;\nserver ");
        let configuration = format!(
            "daemon off; pid nginx.pid; error_log nginx.log; events {{}}\n\
             http {{\n\
             access_log off; client_body_temp_path body; proxy_temp_path proxy;\n\
             fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
             upstream nolapse {{ server {behind} max_fails=1 fail_timeout=1s; keepalive 16; }}\n\
             server {{\n\
             listen {address};\n\
             proxy_http_version 1.1;\n\
             proxy_set_header Connection \"\";\n\
             proxy_set_header Host $host;\n\
             proxy_connect_timeout 2s;\n\
             location / {{ proxy_pass http://nolapse; }}\n\
             location = /auth/refresh {{\n\
             proxy_pass http://nolapse;\n\
             proxy_next_upstream error timeout non_idempotent;\n\
             }} }} }}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).expect("it is written");
        let child = Command::new(nginx())
            .args([
                "-p".as_ref(),
                folder.as_os_str(),
                "-c".as_ref(),
                file.as_os_str(),
            ])
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx runs");
        Self { child, address }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let ended = Command::new("kill")
            .args(["-QUIT", &self.child.id().to_string()])
            .status();
        // A worker outlives a master that is killed: end it by SIGTERM first.
        if ended.is_ok_and(|status| status.success()) {
            drop(self.child.wait());
        } else {
            drop(self.child.kill());
        }
    }
}

fn nginx() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "where programs are found")]
    let path = std::env::var("PATH").unwrap_or_default();
    let places = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(places)
        .map(|folder| folder.join("nginx"))
        .find(|file| file.is_file());
    found.expect("nginx is missing: install the package nginx-light, then run this again")
}
