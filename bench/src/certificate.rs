//! A private CA and a certificate of it, made by `openssl`, for the systems that are measured with TLS.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Password of the PKCS#12 file; it protects nothing.
pub(crate) const PKCS12_PASSWORD: &str = "bench";

/// Files of one certificate.
#[derive(Debug)]
pub(crate) struct Certificate {
    dir: PathBuf,
}

impl Certificate {
    /// Makes one for `localhost` and this address.
    ///
    /// # Errors
    /// If `openssl` is not installed or fails.
    pub(crate) fn make(dir: &Path, ip: IpAddr) -> Result<Self> {
        let names = format!("subjectAltName=DNS:localhost,IP:{ip}");
        let export = format!("pass:{PKCS12_PASSWORD}");
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let ca = ["-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Bench CA"];
        let leaf = ["-keyout", "key.pem", "-out", "leaf.csr", "-subj", "/CN=localhost", "-addext", names.as_str()];
        let sign = "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -copy_extensions copy -days 2";
        let sign: Vec<&str> = sign.split(' ').chain(["-out", "leaf.pem"]).collect();
        let bundle = ["pkcs12", "-export", "-in", "leaf.pem", "-inkey", "key.pem", "-out", "leaf.p12", "-passout"];
        openssl(dir, &[&["req", "-x509"], &key[..], &ca[..]].concat())?;
        openssl(dir, &[&["req", "-new"], &key[..], &leaf[..]].concat())?;
        openssl(dir, &sign)?;
        openssl(dir, &[&bundle[..], &[export.as_str()]].concat())?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// The CA, as PEM.
    #[must_use]
    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// Certificate and key in one PKCS#12 file with [`PKCS12_PASSWORD`].
    #[must_use]
    pub(crate) fn pkcs12(&self) -> PathBuf {
        self.dir.join("leaf.p12")
    }

    /// The certificate, as PEM.
    #[must_use]
    pub(crate) fn chain(&self) -> PathBuf {
        self.dir.join("leaf.pem")
    }

    /// Its key, as PEM.
    #[must_use]
    pub(crate) fn key(&self) -> PathBuf {
        self.dir.join("key.pem")
    }
}

fn openssl(dir: &Path, args: &[&str]) -> Result<()> {
    let output = Command::new("openssl").args(args).current_dir(dir).output().context("openssl is not installed")?;
    ensure!(output.status.success(), "openssl {}: {}", args[0], String::from_utf8_lossy(&output.stderr));
    Ok(())
}
