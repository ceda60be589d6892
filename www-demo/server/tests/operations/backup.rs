//! The drills of back-up and restore: sessions in the back-up go on, later ones behave as documented.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    client::{Response, post},
    instances::{Instance, program},
    postgres::Postgres,
    run,
};

const PAGE: &str = "https://app.example.com";
const PASSWORD: &str = "correct horse battery";

struct Site<'s> {
    folder: &'s Path,
    settings: Vec<(&'s str, &'s str)>,
}

impl Site<'_> {
    fn start(&self) -> Instance {
        Instance::start(self.folder, &self.settings)
    }
}

fn sign(server: &Instance, path: &str, email: &str) -> Response {
    let body = json!({ "email": email, "password": PASSWORD }).to_string();
    post(&server.auth, path, PAGE, "", &body)
}

fn sign_up(server: &Instance, email: &str) -> String {
    let signed = sign(server, "/auth/sign-up", email);
    assert_eq!(signed.status, 200, "{signed:?}");
    signed.cookie()
}

fn refresh(server: &Instance, cookie: &str) -> Response {
    let body = json!({ "reason": "load", "page": "visible" }).to_string();
    post(&server.auth, "/auth/refresh", PAGE, cookie, &body)
}

fn reason(response: &Response) -> String {
    let body: Value = serde_json::from_str(&response.body).unwrap();
    body["reason"].as_str().unwrap_or_default().to_owned()
}

/// Signs three users in, backs up, goes on, restores, and looks at what became of them.
fn drill(site: &Site<'_>, run: &dyn Fn(&str)) {
    let server = site.start();
    let untouched = sign_up(&server, "ada@example.org");
    let used = sign_up(&server, "bob@example.org");
    let left = sign_up(&server, "eve@example.org");
    let gone = "zoe@example.org";

    run("backup");
    let newer = refresh(&server, &used).cookie();
    assert!(!newer.is_empty());
    let out = post(&server.auth, "/auth/sign-out", PAGE, &left, "");
    assert_eq!(out.status, 204);
    sign_up(&server, gone);
    let again = sign(&server, "/auth/sign-in", "bob@example.org");
    let since = again.cookie();
    drop(server);
    run("restore");
    let server = site.start();

    let goes_on = refresh(&server, &untouched);
    assert_eq!(goes_on.status, 200, "{goes_on:?}");
    let newer = refresh(&server, &newer);
    assert_eq!(newer.status, 200, "{newer:?}");
    let unknown = refresh(&server, &since);
    assert_eq!((unknown.status, &*reason(&unknown)), (401, "no_cookie"));
    assert_eq!(sign(&server, "/auth/sign-in", gone).status, 401);
    let copy = refresh(&server, &left);
    assert_eq!(copy.status, 200, "it is alive again, as documented");
    run("replay");
    let ended = refresh(&server, &copy.cookie());
    assert_eq!((ended.status, &*reason(&ended)), (401, "revoked"));
    assert_eq!(refresh(&server, &goes_on.cookie()).status, 200);
}

#[test]
fn p47_a_restored_sqlite_backup_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![("ALLOWED_ORIGINS", PAGE), ("SECURITY_LOG", "security.log")];
    let site = Site {
        folder: folder.path(),
        settings,
    };

    drill(&site, &|step| {
        let fence = match step {
            "backup" => "sh sqlite-backup",
            "restore" => "sh sqlite-restore",
            _ => "sh replay",
        };
        run(fence, folder.path(), None, &site.settings);
        if step == "backup" {
            is_private(&folder.path().join("monday"));
        }
    });
}

#[test]
fn p47_a_restored_postgresql_backup_goes_on_where_it_was() {
    let postgres = Postgres::start(&["-c", "fsync=off"]);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port());
    let settings = vec![
        ("ALLOWED_ORIGINS", PAGE),
        ("SECURITY_LOG", "security.log"),
        ("DATABASE_URL", &*url),
    ];
    let site = Site {
        folder: folder.path(),
        settings,
    };

    drill(&site, &|step| {
        let fence = match step {
            "backup" => "sh postgres-backup",
            "restore" => "sh postgres-restore",
            _ => "sh replay",
        };
        let programs = Some(postgres.programs());
        run(fence, folder.path(), programs, &site.settings);
    });
}

fn is_private(folder: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder), 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["nolapse.db", "nolapse.keys"]);
}

fn backup(folder: &Path, to: &str, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = program(folder, settings);
    let done = command.args(["backup", to]).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code(), errors)
}

#[test]
fn a_backup_that_would_not_be_whole_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let quiet = ("SECURITY_LOG", "off");
    let left = || -> Vec<String> {
        let names = fs::read_dir(folder.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("copy")).collect();
        names.sort();
        names
    };

    // There is neither a database nor a key file, and none is made.
    assert_eq!(backup(folder.path(), "copy", &[quiet]).0, Some(1));
    assert!(!folder.path().join("nolapse.db").exists() && left().is_empty());
    drop(Instance::start(folder.path(), &[quiet]));
    // A key file of another server does not open the database.
    let other = tempfile::tempdir().unwrap();
    drop(Instance::start(other.path(), &[quiet]));
    let keys = other.path().join("nolapse.keys");
    let wrong = ("KEY_FILE", keys.to_str().unwrap());
    let (code, output) = backup(folder.path(), "copy", &[quiet, wrong]);
    assert_eq!((code, left().is_empty()), (Some(1), true), "{output}");
    // A folder that is there is not touched.
    fs::create_dir(folder.path().join("copy")).unwrap();
    let (code, output) = backup(folder.path(), "copy", &[quiet]);
    assert!(
        code == Some(3) && output.contains("name one that does not"),
        "{output}"
    );
    assert_eq!(left(), ["copy"]);
    assert_eq!(fs::read_dir(folder.path().join("copy")).unwrap().count(), 0);
    let postgres = ("DATABASE_URL", "postgres://nowhere/x");
    let (code, output) = backup(folder.path(), "copy2", &[quiet, postgres]);
    assert!(code == Some(3) && output.contains("pg_dump"), "{output}");
}

#[test]
fn a_backup_taken_while_users_sign_in_is_consistent() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site {
        folder: folder.path(),
        settings: vec![("ALLOWED_ORIGINS", PAGE), ("SECURITY_LOG", "off")],
    };
    let server = site.start();

    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let server = &server;
                scope.spawn(move || {
                    for number in 0..20 {
                        sign_up(server, &format!("u{writer}-{number}@example.org"));
                    }
                })
            })
            .collect();
        for number in 0..3 {
            let (code, output) = backup(site.folder, &format!("copy{number}"), &site.settings);
            assert_eq!(code, Some(0), "{output}");
        }
        for writer in writers {
            writer.join().unwrap();
        }
    });

    for number in 0..3 {
        let copy = folder.path().join(format!("copy{number}/nolapse.db"));
        let checked = Command::new("sqlite3")
            .arg(&copy)
            .arg("PRAGMA integrity_check")
            .output();
        // Where there is no such program, that the server starts on the copy has to do.
        if let Ok(checked) = checked {
            assert_eq!(checked.stdout, b"ok\n", "{checked:?}");
        }
        drop(Instance::start(
            copy.parent().unwrap(),
            &[("SECURITY_LOG", "off")],
        ));
    }
}
