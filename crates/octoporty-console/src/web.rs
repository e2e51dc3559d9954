//! The embedded web page. A path that is a file gets it, compressed as the browser likes; every other path without an
//! extension gets the page, which knows its own routes. Without a built page, a placeholder says how to build it.
//!
//! The page works under any sub-path: its `<base>` is written for the depth of the path that was asked for.

mod assets;
mod negotiate;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use assets::Asset;

/// Scripts and everything else from the console alone; styles inline as well (charts set them).
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: \
                      blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; object-src 'none'; \
                      base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
/// The frame that shows a landing page as visitors see it.
const PREVIEW: &str = "preview.html";
/// What a landing page may load. Its own scripts run in no case: the frame that holds it is sandboxed.
const PREVIEW_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline' https:; img-src https: \
                              data:; font-src https: data:; media-src https: data:; form-action 'none'; base-uri \
                              'none'; frame-ancestors 'self'; sandbox allow-scripts";
/// The build puts a hash of its content into the name of each file in this folder.
const HASHED: &str = "assets/";
/// Where the build leaves its base.
const BASE: &str = "<base href=\"./\"";

/// Answers what no route has.
pub(crate) fn serve(request: &Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    if path != "index.html"
        && let Some(asset) = assets::find(path)
    {
        return file(path, &asset, request.headers());
    }
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if is_file && path != "index.html" {
        return (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "text/plain; charset=utf-8")], "There is no such file.\n")
            .into_response();
    }
    page(request.uri().path())
}

fn file(path: &str, asset: &Asset, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", asset.hash);
    let caching = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).is_some_and(|tags| tags.contains(&etag));
    let common = [(ETAG, etag), (CACHE_CONTROL, caching.to_owned()), (VARY, ACCEPT_ENCODING.to_string())];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoded = negotiate::preferred(accepted)
        .into_iter()
        .find_map(|encoding| Some((encoding, assets::find(&format!("{path}.{}", encoding.suffix()))?)));
    let mut response = match encoded {
        Some((encoding, asset)) => ([(CONTENT_ENCODING, encoding.name())], Body::from(asset.bytes)).into_response(),
        None => Body::from(asset.bytes.clone()).into_response(),
    };
    let response_headers = response.headers_mut();
    response_headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    if path == PREVIEW {
        response_headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PREVIEW_POLICY));
    }
    response_headers.extend(common.map(|(name, value)| (name, HeaderValue::try_from(value).expect("plain ASCII"))));
    response
}

/// The page, with the headers that keep it safe.
fn page(path: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, page_html(path)).into_response()
}

/// The page, with its base for this depth.
fn page_html(path: &str) -> String {
    let html = assets::page();
    match path.matches('/').count().saturating_sub(1) {
        0 => html,
        depth => html.replacen(BASE, &format!("<base href=\"{}\"", "../".repeat(depth)), 1),
    }
}

/// By the file's extension: the build makes few kinds.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
