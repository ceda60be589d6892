//! Remedies for TLS errors of `PostgreSQL` connections.

use std::io::ErrorKind;

use sqlx::Error;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

/// Returns the remedy of an error of TLS; `None` for any other error.
pub(super) fn remedy(error: &Error) -> Option<&'static str> {
    if matches!(error, Error::Tls(_)) {
        return Some(
            "sslmode requires TLS: turn it on at the database server (ssl = on), and look that \
             the file in sslrootcert holds certificates in PEM",
        );
    }
    let Error::Io(error) = error else {
        return None;
    };
    if error.kind() == ErrorKind::NotFound {
        return Some("look at the files that DATABASE_URL names: sslrootcert, sslcert, sslkey");
    }
    let cause = error.get_ref()?.downcast_ref::<TlsError>()?;
    let TlsError::InvalidCertificate(cause) = cause else {
        return Some("look at the server's certificate, and at sslmode and sslrootcert");
    };
    let is_of_another_host = matches!(
        cause,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    );
    // Another authority of the same name makes a bad signature of it.
    let is_of_another_authority = matches!(
        cause,
        CertificateError::UnknownIssuer | CertificateError::BadSignature
    );
    Some(if is_of_another_host {
        "the server's certificate is for another host: name in DATABASE_URL the host that it is for"
    } else if is_of_another_authority {
        "no known authority signed the server's certificate: name the file with the certificate of \
         the one that did in sslrootcert"
    } else {
        "look at the server's certificate, and at sslmode and sslrootcert"
    })
}
