//! What proxies in front say of a visitor, and what is told to targets.
//!
//! Only a trusted peer's word counts, and of its list only what trusted proxies have added: the list is walked from
//! the right as long as the addresses are trusted ones. What stands left of the first stranger could be anybody's
//! invention and is dropped.
//!
//! A proxy that sets some of these headers lets the others through as the visitor wrote them. So the host is always
//! that of the request, which decides the route as well, and `Forwarded` is read only where no `X-Forwarded-*` stands.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::fields::{Fields, Known, text};
use crate::visitor::{PublicScheme, VisitorInfo};

/// Most proxies in a row that are believed; a longer chain is cut.
const MAX_CHAIN: usize = 16;

const INFALLIBLE: &str = "writing to a vector cannot fail";

/// Whom the request asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// Host and port as written.
    pub authority: &'a str,
    /// Without the port.
    pub host: &'a str,
    /// The port, if one was written.
    pub port: Option<u16>,
}

/// Who asks, as far as it is believed. `is_trusted` says whether an address is one of a trusted proxy.
pub(crate) fn visitor(
    fields: &Fields,
    peer: SocketAddr,
    is_trusted: impl Fn(IpAddr) -> bool,
    asked: Asked<'_>,
) -> VisitorInfo {
    let direct = peer.ip().to_canonical();
    let mut visitor = VisitorInfo {
        peer,
        client: direct,
        proxies: Vec::new(),
        scheme: PublicScheme::Http,
        port: asked.port.unwrap_or(PublicScheme::Http.default_port()),
        authority: fields.text_of(asked.authority),
        host_len: asked.host.len(),
    };
    if is_trusted(direct) {
        believe(&mut visitor, fields, is_trusted, asked);
    }
    visitor
}

fn believe(visitor: &mut VisitorInfo, fields: &Fields, is_trusted: impl Fn(IpAddr) -> bool, asked: Asked<'_>) {
    let said = Said::read(fields);
    let mut scheme = said.scheme;
    for hop in said.hops.iter().rev() {
        if !is_trusted(visitor.client) || visitor.proxies.len() >= MAX_CHAIN {
            break;
        }
        // Said by the trusted proxy that added the hop.
        scheme = hop.scheme.or(scheme);
        // An address that cannot be read ends what can be believed.
        let Some(address) = hop.address else { break };
        visitor.proxies.insert(0, visitor.client);
        visitor.client = address;
    }
    visitor.scheme = scheme.unwrap_or(PublicScheme::Http);
    visitor.port = said.port.or(asked.port).unwrap_or(visitor.scheme.default_port());
}

/// What one proxy says of who came to it.
#[derive(Debug)]
struct Hop {
    /// `None` for what is not an address.
    address: Option<IpAddr>,
    scheme: Option<PublicScheme>,
}

/// What proxies' headers say.
#[derive(Default, Debug)]
struct Said {
    /// In the order of the list.
    hops: Vec<Hop>,
    /// Of the visitor, where the list does not say it.
    scheme: Option<PublicScheme>,
    port: Option<u16>,
}

impl Said {
    fn read(fields: &Fields) -> Self {
        let mut known = fields.iter().map(|field| field.known).filter(|known| known.is_forwarding());
        if known.all(|known| known == Known::Forwarded) {
            let elements = list(fields, Known::Forwarded);
            let hops = elements.map(|element| Hop {
                address: parameter(element, "for").and_then(address),
                scheme: parameter(element, "proto").and_then(scheme),
            });
            return Self { hops: hops.collect(), ..Self::default() };
        }
        Self {
            hops: list(fields, Known::ForwardedFor).map(|item| Hop { address: address(item), scheme: None }).collect(),
            // The proxy nearest to the visitor knows best how the visitor came: its word stands first.
            scheme: list(fields, Known::ForwardedProto).next().and_then(scheme),
            port: list(fields, Known::ForwardedPort).next().and_then(|port| port.parse().ok()),
        }
    }
}

/// The comma-separated items of every line of a field.
fn list(fields: &Fields, known: Known) -> impl Iterator<Item = &str> {
    fields.all(known).filter_map(text).flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

/// A parameter of an element of `Forwarded`, without quotes.
fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        key.trim().eq_ignore_ascii_case(name).then_some(bare)
    })
}

/// An address, with or without a port and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inside, _)| inside);
    let parsed = match bare {
        Some(v6) => v6.parse().ok(),
        None => text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())),
    };
    parsed.map(|address: IpAddr| address.to_canonical())
}

fn scheme(text: &str) -> Option<PublicScheme> {
    match text.to_ascii_lowercase().as_str() {
        "http" | "ws" => Some(PublicScheme::Http),
        "https" | "wss" => Some(PublicScheme::Https),
        _ => None,
    }
}

/// Appends the header lines that tell a target of its visitor (each with its line end) to a request's head. Without
/// formatting machinery: this runs for every request, and each address is written once and copied after that.
pub(crate) fn write_headers(visitor: &VisitorInfo, head: &mut Vec<u8>) {
    head.extend_from_slice(b"X-Forwarded-For: ");
    let list = head.len();
    for (index, address) in visitor.chain().enumerate() {
        if index > 0 {
            head.extend_from_slice(b", ");
        }
        write_address(address, head);
    }
    let list = list..head.len();
    head.extend_from_slice(b"\r\nX-Forwarded-Proto: ");
    head.extend_from_slice(visitor.scheme.as_str().as_bytes());
    if !visitor.authority.as_bytes().is_empty() {
        head.extend_from_slice(b"\r\nX-Forwarded-Host: ");
        head.extend_from_slice(visitor.authority.as_bytes());
    }
    head.extend_from_slice(b"\r\nX-Forwarded-Port: ");
    write_decimal(visitor.port.into(), head);
    head.extend_from_slice(b"\r\nForwarded: ");
    let mut written = list.start;
    for (index, address) in visitor.chain().enumerate() {
        if index > 0 {
            head.extend_from_slice(b", ");
        }
        // The address ends with the list, or with its comma.
        let rest = &head[written..list.end];
        let length = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        write_element(visitor, (index, address), written..written + length, head);
        written += length + 2;
    }
    head.extend_from_slice(b"\r\n");
}

/// One element of `Forwarded`; `text` is where the address stands in the head already.
fn write_element(
    visitor: &VisitorInfo,
    (index, address): (usize, IpAddr),
    text: std::ops::Range<usize>,
    head: &mut Vec<u8>,
) {
    let (before, behind): (&[u8], &[u8]) = if address.is_ipv4() { (b"for=", b"") } else { (b"for=\"[", b"]\"") };
    head.extend_from_slice(before);
    head.extend_from_within(text);
    head.extend_from_slice(behind);
    if index == 0 {
        if !visitor.authority.as_bytes().is_empty() {
            head.extend_from_slice(b";host=\"");
            head.extend_from_slice(visitor.authority.as_bytes());
            head.push(b'"');
        }
        head.extend_from_slice(b";proto=");
        head.extend_from_slice(visitor.scheme.as_str().as_bytes());
    }
}

fn write_address(address: IpAddr, head: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    head.push(b'.');
                }
                write_decimal(octet.into(), head);
            }
        }
        IpAddr::V6(address) => write!(head, "{address}").expect(INFALLIBLE),
    }
}

/// A number in decimal digits.
fn write_decimal(number: u32, head: &mut Vec<u8>) {
    let mut digits = [0_u8; 10];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    head.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests;
