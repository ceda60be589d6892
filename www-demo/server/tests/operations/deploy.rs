//! The unit for systemd and the container file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const UNIT: &str = include_str!("../../deploy/nolapse-server.service");
const DOCKERFILE: &str = include_str!("../../deploy/Dockerfile");
const IGNORED: &str = include_str!("../../deploy/Dockerfile.dockerignore");

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_unit_runs_the_server_without_privileges() {
    let lines = UNIT.lines().filter(|line| !line.starts_with('#'));
    let settings: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once('=')).collect();

    for (setting, value) in [
        ("User", "nolapse"),
        ("UMask", "0077"),
        ("LimitNOFILE", "65536"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("StateDirectory", "nolapse"),
        ("StateDirectoryMode", "0700"),
        ("WorkingDirectory", "/var/lib/nolapse"),
    ] {
        assert_eq!(settings.get(setting), Some(&value), "{setting}");
    }
    let program = settings["ExecStart"].split(' ').next();
    assert_eq!(program, Some("/usr/local/bin/nolapse-server"));
}

#[test]
fn the_unit_passes_systemd_analyze() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("nolapse-server.service");
    let program = env!("CARGO_BIN_EXE_nolapse-server");
    // The program and the user of the unit are not those of this machine.
    let text = UNIT.replace("/usr/local/bin/nolapse-server", program);
    fs::write(&unit, text.replace("=nolapse\n", "=root\n")).unwrap();

    for words in [
        &["verify", "--man=no"][..],
        &["security", "--offline=true", "--threshold=20"],
    ] {
        let done = Command::new("systemd-analyze")
            .args(words)
            .arg(&unit)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&done.stdout);
        let errors = String::from_utf8_lossy(&done.stderr);
        let own: Vec<&str> = errors
            .lines()
            .filter(|line| line.contains("nolapse-server"))
            .collect();
        assert!(
            done.status.success() && own.is_empty(),
            "{words:?}: {output}{errors}"
        );
    }
}

#[test]
fn the_container_runs_the_server_as_a_user_of_its_own() {
    let lines: Vec<&str> = DOCKERFILE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let last_stage = lines
        .iter()
        .rposition(|line| line.starts_with("FROM "))
        .unwrap();
    let (first, run) = lines.split_at(last_stage);

    let built = "RUN cargo build --locked --package nolapse-server --profile server";
    assert!(first.contains(&built));
    let user = run
        .iter()
        .position(|line| *line == "USER 10001:10001")
        .unwrap();
    let entry = run
        .iter()
        .position(|line| line.starts_with("ENTRYPOINT "))
        .unwrap();
    assert!(user < entry && !run.iter().any(|line| line.starts_with("USER root")));
    assert!(run.iter().any(|line| line.contains("--uid 10001 ")));
    for line in &lines {
        let is_secret = ["PASSWORD", "SECRET", "TOKEN"]
            .iter()
            .any(|word| line.contains(word));
        assert!(!is_secret, "{line}");
        if let Some(paths) = line
            .strip_prefix("COPY ")
            .filter(|paths| !paths.contains("--from="))
        {
            let paths: Vec<&str> = paths
                .split(' ')
                .filter(|path| !path.starts_with("--"))
                .collect();
            for path in &paths[..paths.len() - 1] {
                assert!(checkout().join(path).exists(), "{path}");
            }
        }
    }
    for command in ["HEALTHCHECK", "CMD"] {
        assert!(
            run.iter()
                .any(|line| line.contains(command) && line.contains("nolapse-server"))
        );
    }
}

#[test]
fn the_entry_point_sets_umask_and_file_limit_and_executes_the_server() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/entrypoint.sh");
    let done = Command::new(script)
        .args([
            "sh",
            "-c",
            "umask; ulimit -Sn; ulimit -Hn; echo \"$1\"",
            "sh",
            "a b",
        ])
        .output()
        .unwrap();

    let output = String::from_utf8(done.stdout).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!((lines[0], lines[3]), ("0077", "a b"));
    assert_eq!(lines[1], lines[2]);
}

#[test]
fn what_is_sent_to_the_container_is_enough_to_build_and_has_no_keys() {
    let taken = IGNORED.lines().filter_map(|line| line.strip_prefix('!'));
    let folder = tempfile::tempdir().unwrap();
    for path in taken {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(checkout().join(path))
            .arg(folder.path())
            .status();
        assert!(copied.unwrap().success(), "{path}");
    }
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--offline",
            "--locked",
            "--format-version",
            "1",
            "--no-deps",
        ])
        .current_dir(folder.path())
        .output()
        .unwrap();

    let errors = String::from_utf8_lossy(&metadata.stderr);
    assert!(metadata.status.success(), "{errors}");
    assert!(String::from_utf8_lossy(&metadata.stdout).contains("\"nolapse-server\""));
    let ignored: Vec<&str> = IGNORED.lines().collect();
    assert!(ignored.contains(&"*"));
    for pattern in ["**/*.keys", "**/*.db", "**/*.db-wal", "**/target"] {
        assert!(ignored.contains(&pattern), "{pattern}");
    }
}
