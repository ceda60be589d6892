//! TLS for development: a self-signed certificate for `localhost`, beside the key file.
//!
//! Safari stores no `Secure` cookie of `http://localhost`; Chromium and Firefox do.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::{domain::Timestamp, keys::write_private};

const CERTIFICATE_FILE: &str = "dev-tls.crt";
const KEY_FILE: &str = "dev-tls.key";
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The validity; at most 825 days (Apple, "Requirements for trusted certificates in iOS 13 and macOS 10.15").
const LIFETIME: Duration = Duration::from_hours(800 * 24);
/// The age from which a start replaces the certificate.
const RENEWED_AFTER: Duration = Duration::from_hours(700 * 24);

/// The certificate and its acceptor.
pub(crate) struct DevTls {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate's file, for the system's list of trusted certificates.
    pub(crate) certificate: PathBuf,
}

impl DevTls {
    /// Reads the certificate and its key from a folder, and creates them if they are missing or old. Both have mode 600.
    pub(crate) fn open(now: Timestamp, folder: &Path) -> io::Result<Self> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        if !key.exists() || !is_fresh(now, &certificate)? {
            let (of_certificate, of_key) = generate(now).map_err(io::Error::other)?;
            write_private(&key, &of_key)?;
            write_private(&certificate, &of_certificate)?;
        }
        let chain = CertificateDer::from_pem_file(&certificate).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_file(&key).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .map_err(io::Error::other)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            certificate,
        })
    }
}

fn is_fresh(now: Timestamp, certificate: &Path) -> io::Result<bool> {
    match fs::metadata(certificate) {
        Ok(file) => Ok(file.modified()? + RENEWED_AFTER > system_time(now)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Generates a certificate that signs no others, and its key, both as PEM.
fn generate(now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let mut parameters = CertificateParams::new(HOSTS.map(str::to_owned))?;
    let names = &mut parameters.distinguished_name;
    names.push(rcgen::DnType::CommonName, "nolapse, for development");
    parameters.not_before = system_time(now).into();
    parameters.not_after = (system_time(now) + LIFETIME).into();
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(time.as_millis())
}
