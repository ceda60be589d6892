//! The page's files.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use hyper::{Method, StatusCode};

use crate::support::World;

#[tokio::test]
async fn files_are_served_with_their_types_and_a_strict_policy() {
    let site = tempfile::tempdir().unwrap();
    fs::write(site.path().join("index.html"), "<!doctype html>").unwrap();
    fs::create_dir(site.path().join("assets")).unwrap();
    fs::write(site.path().join("assets/app-1a2b.wasm"), b"\0asm").unwrap();
    let folder = site.path().to_owned();
    let world = World::with(|config| config.site_dir = Some(folder)).await;

    let page = world.bare(Method::GET, "/?utm=1").send().await;
    let wasm = world
        .bare(Method::GET, "/assets/app-1a2b.wasm")
        .send()
        .await;
    let outside = world.bare(Method::GET, "/..%2ftest.keys").send().await;
    let missing = world.bare(Method::GET, "/assets/none.js").send().await;
    let settings = world.bare(Method::GET, "/config.json").send().await;

    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    let api = format!("http://localhost:{}", world.server.api_addr.port());
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval'"));
    assert!(policy.contains(&format!("connect-src 'self' {api}")));
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(wasm.header("content-type"), "application/wasm");
    assert!(wasm.header("cache-control").contains("immutable"));
    outside.is_problem(404, "not_found");
    missing.is_problem(404, "not_found");
    assert_eq!(settings.text("/api"), api);
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it is ours");
    fs::write(path, text).expect("it is written");
}

/// A folder with a site and, beside it, what must never be served.
fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("site");
    write(&folder.path().join("outside/secret.txt"), "secret");
    for file in [
        ".env",
        ".git/config",
        ".hidden/index.html",
        "assets/.map",
        "docs/.secret/key.txt",
        "..rc",
    ] {
        write(&root.join(file), "secret");
    }
    for file in [
        "index.html",
        "docs/index.html",
        "docs/page.html",
        "assets/app.js",
        "a b.txt",
        "dot.in.name.txt",
        ".well-known/security.txt",
    ] {
        write(&root.join(file), "public");
    }
    let link = |to: &str, name: &str| symlink(to, root.join(name)).expect("it is new");
    link("../outside/secret.txt", "link.txt");
    link("../outside", "folder");
    link("link.txt", "chain.txt");
    link("folder/secret.txt", "through.txt");
    link(".env", "named-env.txt");
    link("nowhere", "dangling.txt");
    link("loop", "loop");
    link("docs/page.html", "inside.html");
    fs::create_dir(root.join("linked-index")).expect("it is new");
    link("../../outside/secret.txt", "linked-index/index.html");
    let pipe = Command::new("mkfifo").arg(root.join("pipe")).status();
    assert!(pipe.expect("there is a mkfifo").success());
    folder
}

#[tokio::test]
async fn dot_files_and_links_out_of_the_folder_are_not_served() {
    let folder = site();
    let root = folder.path().join("site");
    let world = World::with(|config| config.site_dir = Some(root)).await;
    let long = format!("/{}", "a".repeat(300));
    let refused = [
        "/.env",
        "/%2eenv",
        "/%2Eenv",
        "/.git/config",
        "/.git/",
        "/.git",
        "/.hidden/",
        "/.hidden/index.html",
        "/assets/.map",
        "/assets/%2emap",
        "/docs/.secret/key.txt",
        "/..rc",
        "/link.txt",
        "/folder/secret.txt",
        "/folder/",
        "/folder",
        "/chain.txt",
        "/through.txt",
        "/named-env.txt",
        "/dangling.txt",
        "/loop",
        "/linked-index/",
        "/linked-index/index.html",
        "/pipe",
        "/../outside/secret.txt",
        "/%2e%2e/outside/secret.txt",
        "/docs/..%2f..%2foutside/secret.txt",
        "/docs/%2e%2e%2f%2e%2e%2foutside%2fsecret.txt",
        "/docs%2fpage.html",
        "/docs%5cpage.html",
        "/..%5coutside%5csecret.txt",
        "/index.html%00",
        "/%00",
        "/index.html%00.txt",
        "/%ff",
        "/docs/%c0%ae%c0%ae/secret.txt",
        "//index.html",
        "//docs",
        "//docs/",
        "/docs//page.html",
        "/./index.html",
        "/docs/./page.html",
        "/docs/../index.html",
        "/index.html/",
        "/index.html/more",
        &long,
    ];

    for path in refused {
        for method in [Method::GET, Method::HEAD] {
            let answer = world.bare(method.clone(), path).send().await;
            assert_eq!(
                answer.status,
                StatusCode::NOT_FOUND,
                "{method} {path}: {answer:?}"
            );
            assert_eq!(answer.header("location"), "", "{path}");
            if method == Method::GET {
                answer.is_problem(404, "not_found");
            }
        }
    }
}

#[tokio::test]
async fn files_links_within_the_folder_and_well_known_ones_are_served() {
    let folder = site();
    let root = folder.path().join("site");
    let world = World::with(|config| config.site_dir = Some(root)).await;

    for path in [
        "/",
        "/index.html",
        "/index.html?utm=1",
        "/docs/",
        "/docs/page.html",
        "/inside.html",
        "/a%20b.txt",
        "/dot.in.name.txt",
        "/.well-known/security.txt",
        "/assets/app.js",
    ] {
        let answer = world.bare(Method::GET, path).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        assert_eq!(answer.bytes, "public", "{path}");
    }
    let folder = world.bare(Method::GET, "/docs").send().await;
    assert!(folder.status.is_redirection());
    assert_eq!(folder.header("location"), "/docs/");
}

#[tokio::test]
async fn text_is_served_with_its_charset_and_nothing_else_is() {
    let site = tempfile::tempdir().expect("a folder");
    let types = [
        ("page.html", "text/html; charset=utf-8"),
        ("page.htm", "text/html; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.mjs", "application/javascript; charset=utf-8"),
        ("plain.txt", "text/plain; charset=utf-8"),
        ("guide.md", "text/markdown; charset=utf-8"),
        ("table.csv", "text/csv; charset=utf-8"),
        ("data.json", "application/json"),
        ("core.wasm", "application/wasm"),
        ("picture.png", "image/png"),
        ("picture.svg", "image/svg+xml; charset=utf-8"),
        ("feed.xml", "text/xml; charset=utf-8"),
        ("unknown", "application/octet-stream"),
    ];
    for (file, _) in types {
        write(&site.path().join(file), "ü");
    }
    write(&site.path().join("index.html"), "ü");
    let root = site.path().to_owned();
    let world = World::with(|config| config.site_dir = Some(root)).await;

    for (file, kind) in types {
        let path = format!("/{file}");
        for method in [Method::GET, Method::HEAD] {
            let answer = world.bare(method, &path).send().await;
            assert_eq!(answer.header("content-type"), kind, "{file}");
        }
        let part = world.bare(Method::GET, &path).header("range", "bytes=0-0");
        let part = part.send().await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.header("content-type"), kind, "{file}");
    }
    let index = world.bare(Method::GET, "/").send().await;
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
}
