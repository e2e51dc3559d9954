//! The files of the built page, in the binary.

use axum::body::Bytes;

const PLACEHOLDER: &str = include_str!("../../assets/placeholder.html");

/// A file.
pub(super) struct Asset {
    /// Its content.
    pub(super) bytes: Bytes,
    /// Of its content, in hex.
    pub(super) hash: String,
}

#[cfg(feature = "web")]
mod embedded {
    #[derive(rust_embed::RustEmbed)]
    #[folder = "../../web/dist"]
    #[allow_missing = true]
    pub(super) struct Files;
}

/// A file of the built page.
#[cfg(feature = "web")]
pub(super) fn find(path: &str) -> Option<Asset> {
    use std::borrow::Cow;

    let file = embedded::Files::get(path)?;
    let hash = file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    Some(Asset { bytes, hash })
}

/// A file of the built page: there is none.
#[cfg(not(feature = "web"))]
pub(super) fn find(_path: &str) -> Option<Asset> {
    None
}

/// The page itself, or what says that it was not built.
pub(super) fn page() -> String {
    let built = find("index.html").and_then(|asset| String::from_utf8(asset.bytes.to_vec()).ok());
    built.unwrap_or_else(|| PLACEHOLDER.to_owned())
}
