//! An authority of one's own and a certificate that it signed, made by openssl.

use std::{fs, path::Path, process::Command};

/// Puts `ca.pem`, `server.pem` and `server.key` into a folder; the certificate is for these names
/// (`DNS:…`, `IP:…`), parted by commas.
pub(crate) fn make(folder: &Path, names: &str) {
    let extensions = format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n");
    fs::write(folder.join("server.ext"), extensions).expect("it can be written");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for parameters in [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"),
        format!("req {key} -keyout server.key -out server.csr -subj /CN=server"),
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile server.ext -out server.pem"
            .to_owned(),
    ] {
        let done = Command::new("openssl")
            .args(parameters.split_whitespace())
            .current_dir(folder)
            .output()
            .expect("openssl is installed");
        let output = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "openssl {parameters}: {output}");
    }
}
