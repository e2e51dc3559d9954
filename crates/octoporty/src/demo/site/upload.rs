//! `/upload`: takes any number of bytes, keeps none, and tells how many there were and their SHA-256.

use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Answer, json, text};

/// Reads the body chunk by chunk.
pub(super) async fn answer(mut request: Request<Incoming>) -> Answer {
    let mut digest = Sha256::new();
    let mut bytes = 0_u64;
    while let Some(frame) = request.body_mut().frame().await {
        match frame {
            Ok(frame) => {
                if let Some(chunk) = frame.data_ref() {
                    digest.update(chunk);
                    bytes += chunk.len() as u64;
                }
            }
            Err(error) => {
                return text(StatusCode::BAD_REQUEST, &format!("The upload broke after {bytes} bytes: {error}\n"));
            }
        }
    }
    json(&json!({ "bytes": bytes, "sha256": hex(&digest.finalize()) }))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_lower_case_with_leading_zeros() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
