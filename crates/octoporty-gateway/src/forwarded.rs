//! What proxies in front say of a visitor, and what is told to targets.

use crate::visitor::VisitorInfo;

/// Whether a header of a visitor's request is replaced by [`write_headers`]: it never goes to a target as it came.
pub(crate) fn is_replaced(name: &http::HeaderName) -> bool {
    const REPLACED: [&str; 5] = [
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "forwarded",
    ];
    REPLACED.contains(&name.as_str())
}

/// Appends the header lines that tell a target of its visitor (each with its line end) to a request's head.
pub(crate) fn write_headers(visitor: &VisitorInfo, head: &mut Vec<u8>) {
    use std::io::Write as _;
    const INFALLIBLE: &str = "writing to a vector cannot fail";
    head.extend_from_slice(b"X-Forwarded-For: ");
    for (index, address) in visitor.chain.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(head, "{comma}{address}").expect(INFALLIBLE);
    }
    let scheme = visitor.scheme.as_str();
    write!(head, "\r\nX-Forwarded-Proto: {scheme}\r\n").expect(INFALLIBLE);
    if !visitor.authority.is_empty() {
        write!(head, "X-Forwarded-Host: {}\r\n", visitor.authority).expect(INFALLIBLE);
    }
    write!(head, "X-Forwarded-Port: {}\r\nForwarded: ", visitor.port).expect(INFALLIBLE);
    for (index, address) in visitor.chain.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        match address {
            std::net::IpAddr::V4(v4) => write!(head, "{comma}for={v4}").expect(INFALLIBLE),
            std::net::IpAddr::V6(v6) => write!(head, "{comma}for=\"[{v6}]\"").expect(INFALLIBLE),
        }
        if index == 0 {
            if !visitor.authority.is_empty() {
                write!(head, ";host=\"{}\"", visitor.authority).expect(INFALLIBLE);
            }
            write!(head, ";proto={scheme}").expect(INFALLIBLE);
        }
    }
    head.extend_from_slice(b"\r\n");
}
