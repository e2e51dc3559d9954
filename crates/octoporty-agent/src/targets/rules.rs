//! Which targets an agent dials. Checked on the resolved address at dial time, so that a name cannot lead round it.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;
use octoporty_proto::model::{Target, TargetHost};
use thiserror::Error;

use crate::config::TargetRule;

/// Why a text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Neither host nor CIDR.
    #[error("{0:?} is not a target rule: write a CIDR (192.168.0.0/16), a host (nas), a suffix (.local) or *")]
    Host(String),
    /// Not a port or range.
    #[error("{0:?} is not a port or a range of ports such as 8000-8999")]
    Ports(String),
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Anyone,
    Net(IpNet),
    Name(Box<str>),
    /// With its leading dot.
    Suffix(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    text: String,
    who: Who,
    ports: RangeInclusive<u16>,
}

/// Allowed and denied targets, parsed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    allowed: Vec<Rule>,
    denied: Vec<Rule>,
}

/// Why a target is not dialled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Denial {
    /// A denied rule matches.
    #[error("{address} is denied by the rule {rule} of Agent__DeniedTargets")]
    Denied { address: IpAddr, rule: String },
    /// No allowed rule matches.
    #[error("{address} is not in Agent__AllowedTargets")]
    NotAllowed { address: IpAddr },
}

impl Rules {
    /// Parses both lists; an empty list of allowed ones allows all.
    pub(crate) fn parse(allowed: &[TargetRule], denied: &[TargetRule]) -> Result<Self, (TargetRule, RuleError)> {
        let all = |rules: &[TargetRule]| -> Result<Vec<Rule>, (TargetRule, RuleError)> {
            rules.iter().map(|rule| parse(&rule.0).map_err(|error| (rule.clone(), error))).collect()
        };
        Ok(Self { allowed: all(allowed)?, denied: all(denied)? })
    }

    /// Whether `target`, which resolved to `address`, may be dialled.
    pub(crate) fn check(&self, target: &Target, address: IpAddr) -> Result<(), Denial> {
        self.check_denied(target, address)?;
        let real = innermost(address);
        let matches = |rule: &&Rule| rule.matches(target, real);
        if !self.allowed.is_empty() && !self.allowed.iter().any(|rule| matches(&rule)) {
            return Err(Denial::NotAllowed { address });
        }
        Ok(())
    }
}

impl Rules {
    /// Whether somebody wrote down that `target` at `address` is allowed: no rule and one for anything say that of none.
    pub(crate) fn lists(&self, target: &Target, address: IpAddr) -> bool {
        let real = innermost(address);
        self.allowed.iter().any(|rule| !rule.is_for_anything() && rule.matches(target, real))
    }

    /// Whether dialling `target` at `address` is not denied. For the gateway's own side, which nobody lists as allowed.
    pub(crate) fn check_denied(&self, target: &Target, address: IpAddr) -> Result<(), Denial> {
        let real = innermost(address);
        match self.denied.iter().find(|rule| rule.matches(target, real)) {
            Some(rule) => Err(Denial::Denied { address, rule: rule.text.clone() }),
            None => Ok(()),
        }
    }
}

impl Rule {
    fn is_for_anything(&self) -> bool {
        match &self.who {
            Who::Anyone => true,
            Who::Net(net) => net.prefix_len() == 0,
            Who::Name(_) | Who::Suffix(_) => false,
        }
    }

    fn matches(&self, target: &Target, address: IpAddr) -> bool {
        self.ports.contains(&target.port.get())
            && match (&self.who, &target.host) {
                (Who::Anyone, _) => true,
                (Who::Net(net), _) => net.contains(&address),
                (Who::Name(name), TargetHost::Name(host)) => name == host,
                (Who::Suffix(suffix), TargetHost::Name(host)) => host.ends_with(&**suffix),
                (Who::Name(_) | Who::Suffix(_), TargetHost::Address(_)) => false,
            }
    }
}

/// The IPv4 address inside of an IPv6 one that leads to it (mapped, or through NAT64's well-known prefix).
pub(crate) fn innermost(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        other => other,
    }
}

/// Whether an address is one of this machine or of networks that the internet does not reach.
pub(crate) fn is_internal(address: IpAddr) -> bool {
    match innermost(address) {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            a == 0
                || is_shared
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_multicast()
        }
        IpAddr::V6(v6) => {
            let [first, second, third, ..] = v6.segments();
            // What has an IPv4 address in it by an old or a local rule (`::a.b.c.d`, 6to4, `64:ff9b:1::`), and `fec0::`.
            let is_odd = v6.segments()[..6] == [0; 6]
                || first == 0x2002
                || (first, second, third) == (0x64, 0xff9b, 1)
                || first & 0xffc0 == 0xfec0;
            is_odd || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast()
        }
    }
}

/// Checks one rule's text.
pub(crate) fn check_text(text: &str) -> Result<(), RuleError> {
    parse(text).map(drop)
}

fn parse(text: &str) -> Result<Rule, RuleError> {
    let text = text.trim();
    let (who, ports) = split_ports(text);
    let ports = ports.map_or(Ok(1..=u16::MAX), parse_ports)?;
    Ok(Rule { text: text.to_owned(), who: parse_who(who).ok_or_else(|| RuleError::Host(who.to_owned()))?, ports })
}

/// Parts `host:ports`; an IPv6 rule with ports stands in brackets.
fn split_ports(text: &str) -> (&str, Option<&str>) {
    if let Some(inside) = text.strip_prefix('[')
        && let Some((who, rest)) = inside.split_once(']')
    {
        let ports = (!rest.is_empty()).then(|| rest.strip_prefix(':').unwrap_or(""));
        return (who, ports);
    }
    match text.rsplit_once(':') {
        Some((who, ports)) if !who.contains(':') => (who, Some(ports)),
        _ => (text, None),
    }
}

fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, RuleError> {
    let wrong = || RuleError::Ports(text.to_owned());
    let one = |part: &str| part.trim().parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (one(first)?, one(last)?),
        None => (one(text)?, one(text)?),
    };
    if first > last { Err(wrong()) } else { Ok(first..=last) }
}

fn parse_who(text: &str) -> Option<Who> {
    if text == "*" {
        return Some(Who::Anyone);
    }
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(Who::Net(net));
    }
    let suffix = text.strip_prefix('*').unwrap_or(text);
    let bare = suffix.strip_prefix('.').unwrap_or(suffix);
    match bare.parse::<TargetHost>().ok()? {
        TargetHost::Address(address) if bare == text => Some(Who::Net(address.into())),
        TargetHost::Address(_) => None,
        TargetHost::Name(name) if suffix.starts_with('.') => Some(Who::Suffix(format!(".{name}").into())),
        TargetHost::Name(name) if suffix == text => Some(Who::Name(name)),
        TargetHost::Name(_) => None,
    }
}

#[cfg(test)]
mod tests;
