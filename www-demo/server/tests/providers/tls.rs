//! A provider inside an organisation, whose certificate a private authority has signed.

use std::path::{Path, PathBuf};

use crate::{
    certificates,
    hostile::Hostile,
    scene::{Scene, error},
};

/// Starts a provider with the certificate of a folder, and an auth server that trusts these roots, or the system's.
async fn scene(folder: &Path, roots: Option<PathBuf>) -> Scene {
    let mut provider = Hostile::start().await;
    provider.behind_tls(folder).await;
    Scene::of(provider, |config| {
        config.providers[0].root_certificates = roots;
    })
    .await
}

#[tokio::test]
async fn a_provider_is_trusted_by_the_root_of_its_settings_and_by_its_name() {
    let (own, other, misnamed) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    certificates::make(own.path(), "DNS:localhost");
    certificates::make(other.path(), "DNS:localhost");
    certificates::make(misnamed.path(), "DNS:id.example.org");
    let root_of = |folder: &Path| Some(folder.join("ca.pem"));

    let trusted = scene(own.path(), root_of(own.path())).await;
    let cookie = trusted.sign_in().await;
    assert_eq!(trusted.refresh(&cookie).await.status, 200);

    for (what, folder, roots) in [
        ("the system's roots", &own, None),
        ("another root", &own, root_of(other.path())),
        ("another name", &misnamed, root_of(misnamed.path())),
        (
            "a file that is missing",
            &own,
            root_of(Path::new("/nowhere")),
        ),
    ] {
        let scene = scene(folder.path(), roots).await;
        let answer = scene.get(&scene.sign_in_path(), "").await;
        assert_eq!(error(&answer).as_deref(), Some("provider_failed"), "{what}");
    }
}
