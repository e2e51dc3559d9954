//! Which mapping takes a URL, and the two requests that are made of it.

use std::net::IpAddr;

use octoporty_proto::model::{
    Endpoint, HostHeader, HostPattern, Hostname, Mapping, PathPrefix, PrefixHandling, Probe, ProbeVia, ProbeWay,
};
use uuid::Uuid;

use super::input::{Inspection, PublicUrl};
use crate::api::error::ApiError;
use crate::store::StoredMapping;

/// What the console knows of its gateway.
pub(crate) struct Door<'a> {
    /// As the agent dials it.
    pub(crate) url: Option<http::Uri>,
    /// Its own public names.
    pub(crate) names: &'a [String],
    /// This release, for `User-Agent`.
    pub(crate) version: &'a str,
}

/// The requests to make.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) mapping: Option<&'a StoredMapping>,
    pub(crate) through_gateway: Probe,
    /// `None` without a mapping.
    pub(crate) straight: Option<Probe>,
    /// Of the request that goes straight; the gateway gives its own.
    pub(crate) request_id: String,
}

/// Who is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whose {
    /// A mapping, of whatever path, has this name.
    Mapped,
    /// The gateway's own.
    Gateway,
    /// Nobody's that is known here.
    Stranger,
}

impl<'a> Plan<'a> {
    /// Decides what may be asked, and whom.
    pub(crate) fn make(asked: &Inspection, mappings: &'a [StoredMapping], door: &Door<'_>) -> Result<Self, ApiError> {
        let url = &asked.url;
        let name = url.host.parse::<Hostname>().ok();
        let mapping = name.as_ref().and_then(|name| find(mappings, name, url.bare_path()));
        let via = match (whose(url, name.as_ref(), mappings, door), asked.via) {
            (Whose::Mapped | Whose::Gateway, via) => via,
            (Whose::Stranger, ProbeVia::Dns) => return Err(refused(NOT_OURS)),
            // Whoever asks here cannot make the agent dial anybody but its gateway.
            (Whose::Stranger, _) if name.is_some() => ProbeVia::Gateway,
            (Whose::Stranger, _) => return Err(refused(ADDRESS)),
        };
        if !is_public_port(url, door) {
            return Err(refused(PORT));
        }
        let request_id = format!("inspector-{}", Uuid::new_v4().simple());
        let through_gateway = Probe {
            way: ProbeWay::Public {
                scheme: url.scheme,
                host: name.as_ref().map_or_else(|| url.host.clone(), ToString::to_string),
                port: url.port_or_default(),
                via,
            },
            method: asked.method,
            authority: url_authority(url, name.as_ref()),
            path: url.path.clone(),
            headers: fields(asked, door),
            max_body: asked.max_body,
        };
        let straight = mapping.map(|stored| straight(&through_gateway, &stored.mapping, url, &request_id));
        Ok(Self { mapping, through_gateway, straight, request_id })
    }
}

const NOT_OURS: &str = "No mapping has this name, so its own address is not dialled. Leave via out to ask the gateway for it, \
                        or create a mapping.";
const ADDRESS: &str = "Only a name can be inspected, or the gateway's own address: give a domain that is mapped here.";
const PORT: &str = "Visitors reach the gateway at ports 80 and 443 and at the one that the agent dials; leave the port out, or give \
                    one of these.";

fn refused(why: &str) -> ApiError {
    ApiError::invalid_field("url", why)
}

fn whose(url: &PublicUrl, name: Option<&Hostname>, mappings: &[StoredMapping], door: &Door<'_>) -> Whose {
    let has_name = |stored: &StoredMapping| {
        let Endpoint::Http { host, .. } = &stored.mapping.endpoint else { return false };
        name.is_some_and(|name| host.matches(name))
    };
    if mappings.iter().any(has_name) {
        return Whose::Mapped;
    }
    let dialled = door.url.as_ref().and_then(|url| url.host());
    let own = |known: &str| {
        let known = known.trim_matches(['[', ']']);
        let same_address = || known.parse::<IpAddr>().ok().is_some_and(|known| url.host.parse() == Ok(known));
        known.eq_ignore_ascii_case(&url.host) || same_address()
    };
    let is_own = dialled.into_iter().chain(door.names.iter().map(String::as_str)).any(own);
    if is_own { Whose::Gateway } else { Whose::Stranger }
}

/// Whether visitors could come to this port.
fn is_public_port(url: &PublicUrl, door: &Door<'_>) -> bool {
    let dialled = door.url.as_ref().and_then(http::Uri::port_u16);
    [Some(80), Some(443), dialled].contains(&Some(url.port_or_default()))
}

/// `Host`, with an international name as it goes over the wire.
fn url_authority(url: &PublicUrl, name: Option<&Hostname>) -> String {
    let host = name.map_or_else(|| url.host.clone(), ToString::to_string);
    PublicUrl { host, ..url.clone() }.authority()
}

fn fields(asked: &Inspection, door: &Door<'_>) -> Vec<(String, String)> {
    let own = [
        ("user-agent", format!("Octoporty-Inspector/{}", door.version)),
        ("accept", "*/*".to_owned()),
        ("cache-control", "no-cache".to_owned()),
    ];
    let given = |name: &str| asked.headers.iter().any(|(known, _)| known == name);
    let own = own.into_iter().filter(|(name, _)| !given(name)).map(|(name, value)| (name.to_owned(), value));
    own.chain(asked.headers.iter().cloned()).collect()
}

/// The mapping that the gateway would choose: a name that is mapped exactly is no wildcard's, then the longest prefix. One
/// that is switched off is told of only where no other takes the path.
fn find<'a>(mappings: &'a [StoredMapping], name: &Hostname, path: &str) -> Option<&'a StoredMapping> {
    let of_name = |enabled: bool| {
        let endpoints = mappings.iter().filter(move |stored| stored.enabled == enabled).map(|stored| {
            let Endpoint::Http { host, path, .. } = &stored.mapping.endpoint else { return None };
            host.matches(name).then_some((stored, matches!(host, HostPattern::Exact(_)), path))
        });
        let of_name: Vec<_> = endpoints.flatten().collect();
        let is_exact = of_name.iter().any(|(_, exact, _)| *exact);
        let takes = of_name.into_iter().filter(|(_, exact, prefix)| *exact == is_exact && prefix.matches(path));
        takes.max_by_key(|(_, _, prefix)| prefix.as_str().len()).map(|(stored, _, _)| stored)
    };
    of_name(true).or_else(|| of_name(false))
}

/// The same request as the target gets it from the gateway; of the visitor only what the URL says.
fn straight(public: &Probe, mapping: &Mapping, url: &PublicUrl, request_id: &str) -> Probe {
    let authority = match &mapping.host_header {
        HostHeader::Keep => public.authority.clone(),
        HostHeader::Target => mapping.target.authority(),
        HostHeader::Custom(name) => name.to_string(),
    };
    let mut headers = public.headers.clone();
    headers.extend([
        ("x-forwarded-proto".to_owned(), url.scheme.as_str().to_owned()),
        ("x-forwarded-host".to_owned(), public.authority.clone()),
        ("x-forwarded-port".to_owned(), url.port_or_default().to_string()),
        ("x-octoporty-request-id".to_owned(), request_id.to_owned()),
    ]);
    let way = ProbeWay::Straight { target: mapping.target.clone(), verification: mapping.verification };
    Probe { way, authority, path: path_for_target(&public.path, &mapping.endpoint), headers, ..public.clone() }
}

fn path_for_target(path: &str, endpoint: &Endpoint) -> String {
    let Endpoint::Http { path: prefix, prefix: PrefixHandling::Strip, .. } = endpoint else { return path.to_owned() };
    if prefix == &PathPrefix::root() || !prefix.matches(path) {
        return path.to_owned();
    }
    let rest = &path[prefix.as_str().len()..];
    if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
}

#[cfg(test)]
mod tests;
