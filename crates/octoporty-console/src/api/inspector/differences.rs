//! What is not the same in two answers to one request.

use std::collections::BTreeSet;

use super::shapes::{Difference, Kind, ProbeResource};

/// Fields that belong to one connection, to one moment or to one request: they may differ.
const PASSING: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "date",
    "age",
    "x-octoporty-request-id",
    // Looked at apart: an answer in chunks has none.
    "content-length",
];

/// Compares both sides.
pub(crate) fn differences(gateway: &ProbeResource, agent: &ProbeResource) -> Vec<Difference> {
    let both_answered = gateway.success && agent.success && !gateway.made_by_gateway;
    if !both_answered {
        return outcome(gateway, agent).into_iter().collect();
    }
    let mut found = Vec::new();
    if gateway.status_code != agent.status_code {
        let text = |side: &ProbeResource| side.status_code.map(|status| status.to_string());
        found.push(difference(Kind::Status, None, text(gateway), text(agent)));
    }
    let names: BTreeSet<&String> = gateway.headers.keys().chain(agent.headers.keys()).collect();
    for name in names.into_iter().filter(|name| !PASSING.contains(&name.as_str())) {
        let text = |side: &ProbeResource| side.headers.get(name).map(|values| values.join("\n"));
        if text(gateway) != text(agent) {
            found.push(difference(Kind::Header, Some(name), text(gateway), text(agent)));
        }
    }
    found.extend(length(gateway, agent));
    found.extend(body(gateway, agent));
    found
}

fn difference(kind: Kind, name: Option<&str>, gateway: Option<String>, agent: Option<String>) -> Difference {
    Difference { kind, name: name.map(str::to_owned), gateway, agent }
}

/// A failure of which both sides give the same reason is none: they agree.
fn outcome(gateway: &ProbeResource, agent: &ProbeResource) -> Option<Difference> {
    if gateway.code.is_some() && gateway.code == agent.code {
        return None;
    }
    let text = |side: &ProbeResource| match (side.status_code, &side.code) {
        (Some(status), Some(code)) => format!("{status} ({code})"),
        (Some(status), None) => status.to_string(),
        (None, code) => code.clone().unwrap_or_default(),
    };
    Some(difference(Kind::Outcome, None, Some(text(gateway)), Some(text(agent))))
}

fn length(gateway: &ProbeResource, agent: &ProbeResource) -> Option<Difference> {
    let text = |side: &ProbeResource| side.headers.get("content-length").map(|values| values.join("\n"));
    let (through, straight) = (text(gateway)?, text(agent)?);
    (through != straight).then(|| difference(Kind::Header, Some("content-length"), Some(through), Some(straight)))
}

fn body(gateway: &ProbeResource, agent: &ProbeResource) -> Option<Difference> {
    let same = gateway.body_sha256 == agent.body_sha256
        && gateway.body_truncated == agent.body_truncated
        && gateway.body_error.is_some() == agent.body_error.is_some();
    let text = |side: &ProbeResource| {
        let hash = side.body_sha256.as_deref().unwrap_or_default();
        let more = match (&side.body_error, side.body_truncated) {
            (Some(error), _) => format!("; {error}"),
            (None, true) => " read, there is more".to_owned(),
            (None, false) => String::new(),
        };
        format!("{} bytes{more}, SHA-256 {}…", side.body_size, hash.get(..12).unwrap_or(hash))
    };
    (!same).then(|| difference(Kind::Body, None, Some(text(gateway)), Some(text(agent))))
}

#[cfg(test)]
mod tests;
