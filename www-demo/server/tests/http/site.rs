//! The page's files.

use std::fs;

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
    assert_eq!(page.header("content-type"), "text/html");
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
