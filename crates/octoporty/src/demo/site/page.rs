//! The page and its parts. Everything is embedded: no content delivery network, no build step.

mod picture;

use std::fmt::Write;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};

use super::{Answer, text, whole};

const PAGE: &str = include_str!("assets/index.html");
const STYLE: &str = include_str!("assets/site.css");
const SCRIPT: &str = include_str!("assets/site.js");
const MARK: &str = include_str!("assets/mark.svg");
const SCENE: &str = include_str!("assets/scene.svg");

/// A file by its path.
pub(super) fn answer(path: &str) -> Answer {
    match path {
        "/" | "/index.html" => file("text/html; charset=utf-8", PAGE),
        "/site.css" => file("text/css; charset=utf-8", STYLE),
        "/site.js" => file("text/javascript; charset=utf-8", SCRIPT),
        "/mark.svg" | "/favicon.ico" => file("image/svg+xml", MARK),
        "/scene.svg" => file("image/svg+xml", SCENE),
        "/picture.png" => file("image/png", picture::png()),
        _ => text(StatusCode::NOT_FOUND, "The sample site has nothing here.\n"),
    }
}

fn file(kind: &'static str, content: impl Into<Bytes>) -> Answer {
    Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "no-cache")
        .body(whole(content))
        .expect("headers are valid")
}

/// `/headers`: the request as it arrived here, so that a visitor sees what gateway and agent made of it.
pub(super) fn headers<B>(request: &Request<B>) -> Answer {
    let mut lines = format!("{} {} {:?}\n", request.method(), request.uri(), request.version());
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        writeln!(lines, "{name}: {value}").expect("writing to a string does not fail");
    }
    text(StatusCode::OK, &lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_nobody_else_for_anything() {
        for text in [PAGE, STYLE, SCRIPT] {
            assert!(!text.contains("https://") && !text.contains("//cdn"), "a foreign address in the page");
        }
    }

    /// Downloads are not files.
    fn is_file(part: &str) -> bool {
        part.starts_with('/') && part.contains('.') && !part.starts_with("/download")
    }

    #[test]
    fn every_file_that_the_page_names_is_there() {
        for part in PAGE.split('"').filter(|part| is_file(part)) {
            assert_eq!(answer(part).status(), StatusCode::OK, "{part}");
        }
    }
}
