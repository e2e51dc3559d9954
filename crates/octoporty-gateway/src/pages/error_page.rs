//! The page that a browser gets for a failure: the path of a request with the hop where it broke, one sentence for
//! the visitor, one hint for the owner, and the id to tell. No script, nothing loaded, both themes.

use http::StatusCode;
use octoporty_proto::model::{FailureCode, Hop};

use super::MARK;
use crate::visitor::RequestId;

const STYLE: &str = include_str!("error.css");

/// The stations of a request, in order, with the names that a visitor understands.
const STATIONS: [(Hop, &str); 5] = [
    (Hop::Visitor, "You"),
    (Hop::Gateway, "Gateway"),
    (Hop::Tunnel, "Tunnel"),
    (Hop::Agent, "Agent"),
    (Hop::Target, "Service"),
];

/// Renders the page.
pub(super) fn render(code: FailureCode, request_id: &RequestId) -> String {
    let status = code.status();
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let (cause, hint) = (escape(code.cause()), escape(code.hint()));
    let (name, id) = (escape(code.as_str()), escape(request_id.as_str()));
    let path = path(code.hop());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{status} {reason}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{path}\
         <p class=\"code\">{status} {name}</p>\n<h1>{cause}</h1>\n\
         <div class=\"owner\">\n<p><b>If this is your service:</b> {hint}</p>\n\
         <p>Request id <code class=\"id\">{id}</code></p>\n</div>\n\
         <footer>{MARK}<span>Octoporty Gateway</span></footer>\n</main>\n</body>\n</html>\n"
    )
}

/// The picture: the stations up to the broken one are reached, those behind it are not known.
fn path(broken: Hop) -> String {
    let at = STATIONS.iter().position(|(hop, _)| *hop == broken).unwrap_or(0);
    let stations = STATIONS.iter().enumerate().map(|(index, (_, name))| {
        let (class, word) = match index.cmp(&at) {
            std::cmp::Ordering::Less => ("ok", "reached"),
            std::cmp::Ordering::Equal => ("broken", "failed here"),
            std::cmp::Ordering::Greater => ("unknown", "not reached"),
        };
        format!("<li class=\"{class}\"><i></i>{name}<small>{word}</small></li>\n")
    });
    format!("<ol class=\"path\" aria-label=\"Path of the request\">\n{}</ol>\n", stations.collect::<String>())
}

/// Makes text safe inside elements and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
