//! What to do where a connection to `PostgreSQL` fails for TLS.

use std::io::ErrorKind;

use sqlx::Error;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

/// Returns the remedy of an error of TLS; `None` for any other error.
pub(super) fn remedy(error: &Error) -> Option<&'static str> {
    match error {
        Error::Tls(_) => Some(
            "sslmode asks for TLS: turn it on at the database server (ssl = on), and look that \
             the file in sslrootcert holds certificates in PEM",
        ),
        Error::Io(error) if error.kind() == ErrorKind::NotFound => {
            Some("look at the files that DATABASE_URL names: sslrootcert, sslcert, sslkey")
        }
        Error::Io(error) => {
            let cause = error.get_ref()?.downcast_ref::<TlsError>()?;
            Some(match cause {
                TlsError::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                ) => {
                    "the server's certificate is for another host: name in DATABASE_URL the host \
                     that it is for"
                }
                // Another authority of the same name makes a bad signature of it.
                TlsError::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::BadSignature,
                ) => {
                    "no known authority signed the server's certificate: name the file with the \
                     certificate of the one that did in sslrootcert"
                }
                _ => "look at the server's certificate, and at sslmode and sslrootcert",
            })
        }
        _ => None,
    }
}
