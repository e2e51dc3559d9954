//! A mapping as a client sends it, in either vocabulary.

use std::num::NonZeroU16;

use octoporty_proto::model::{
    Compression, Endpoint, HostHeader, HostPattern, Mapping, MappingId, MappingName, PathPrefix, PrefixHandling,
    Scheme, Target, TargetHost, TlsVerification,
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::api::fields::Mistakes;
use crate::api::loose::Loose;
use crate::store::MappingDraft;

/// A mapping to create, or the whole of what a mapping shall be. A field that is left out has its default. The older
/// names are taken as well; where both are given, the newer wins.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MappingInput {
    /// What a person calls it; default: the domain.
    #[schema(value_type = Option<String>)]
    pub(crate) name: Loose<String>,
    /// `http`, the default.
    #[schema(value_type = Option<String>)]
    pub(crate) kind: Loose<String>,
    /// The public name, or `*.example.com`. International names are taken as people write them.
    #[schema(value_type = String, required)]
    pub(crate) external_domain: Loose<String>,
    /// Default `/`.
    #[schema(value_type = Option<String>)]
    pub(crate) path_prefix: Loose<String>,
    /// Whether the target sees the path without the prefix. Default false.
    #[schema(value_type = Option<bool>)]
    pub(crate) strip_prefix: Loose<bool>,
    /// Host or address that the agent dials; `localhost` is the agent's own machine.
    #[schema(value_type = String, required)]
    pub(crate) internal_host: Loose<String>,
    /// 1 to 65535.
    #[schema(value_type = u16, required)]
    pub(crate) internal_port: Loose<i64>,
    /// `Http` (default) or `Https`, in any case.
    #[schema(value_type = Option<String>)]
    pub(crate) internal_protocol: Loose<String>,
    /// For https targets: any certificate does. Default false.
    #[schema(value_type = Option<bool>)]
    pub(crate) allow_invalid_certificates: Loose<bool>,
    /// `keep` (default), `target` or a fixed name.
    #[schema(value_type = Option<String>)]
    pub(crate) host_header: Loose<String>,
    /// `auto` (default), `on` or `off`.
    #[schema(value_type = Option<String>)]
    pub(crate) compression: Loose<String>,
    /// Default true.
    #[schema(value_type = Option<bool>)]
    pub(crate) enabled: Loose<bool>,
    /// Older name: https when true.
    #[schema(value_type = Option<bool>)]
    pub(crate) internal_use_tls: Loose<bool>,
    /// Older name of `allowInvalidCertificates`.
    #[schema(value_type = Option<bool>)]
    pub(crate) allow_self_signed_certs: Loose<bool>,
    /// Older name of `enabled`.
    #[schema(value_type = Option<bool>)]
    pub(crate) is_enabled: Loose<bool>,
    /// Older name of `name`.
    #[schema(value_type = Option<String>)]
    pub(crate) description: Loose<String>,
}

/// Whether a mapping shall be served.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToggleInput {
    /// Left out: false.
    #[schema(value_type = bool, required)]
    pub(crate) enabled: Loose<bool>,
}

/// A target to try.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestTargetInput {
    /// Host or address that the agent dials.
    #[schema(value_type = String, required)]
    pub(crate) internal_host: Loose<String>,
    /// 1 to 65535.
    #[schema(value_type = u16, required)]
    pub(crate) internal_port: Loose<i64>,
    /// `Http` (default) or `Https`, in any case.
    #[schema(value_type = Option<String>)]
    pub(crate) internal_protocol: Loose<String>,
    /// For https targets: any certificate does. Default false.
    #[schema(value_type = Option<bool>)]
    pub(crate) allow_invalid_certificates: Loose<bool>,
    /// Older name: https when true.
    #[schema(value_type = Option<bool>)]
    pub(crate) internal_use_tls: Loose<bool>,
    /// Older name of `allowInvalidCertificates`.
    #[schema(value_type = Option<bool>)]
    pub(crate) allow_self_signed_certs: Loose<bool>,
}

const YES_OR_NO: &str = "true or false";

impl MappingInput {
    /// The whole mapping, or everything that is wrong with it. The id is the one that it shall have.
    pub(crate) fn parse(self, id: MappingId) -> Result<MappingDraft, ApiError> {
        let mut mistakes = Mistakes::default();
        if let Some(kind) = mistakes.text("kind", self.kind)
            && !kind.trim().eq_ignore_ascii_case("http")
        {
            mistakes.add("kind", &format!("{kind:?} is not a kind of mapping that this release has; use http"));
        }
        let host = mistakes.required::<HostPattern>("externalDomain", self.external_domain);
        let path = mistakes.required::<PathPrefix>("pathPrefix", self.path_prefix);
        let strip = mistakes.optional("stripPrefix", self.strip_prefix, YES_OR_NO).unwrap_or(false);
        let name = mapping_name(&mut mistakes, self.name, self.description, host.as_ref());
        let (target, verification) = TestTargetInput {
            internal_host: self.internal_host,
            internal_port: self.internal_port,
            internal_protocol: self.internal_protocol,
            allow_invalid_certificates: self.allow_invalid_certificates,
            internal_use_tls: self.internal_use_tls,
            allow_self_signed_certs: self.allow_self_signed_certs,
        }
        .read(&mut mistakes);
        let host_header = host_header(&mut mistakes, self.host_header);
        let compression = compression(&mut mistakes, self.compression);
        let enabled = mistakes.either(("enabled", self.enabled), ("isEnabled", self.is_enabled), YES_OR_NO);
        let prefix = if strip { PrefixHandling::Strip } else { PrefixHandling::Keep };
        let parts = (|| Some((name?, Endpoint::Http { host: host?, path: path?, prefix }, target?)))();
        let (name, endpoint, target) = mistakes.finish(parts)?;
        let mapping = Mapping { id, name, endpoint, target, verification, host_header, compression };
        Ok(MappingDraft { mapping, enabled: enabled.unwrap_or(true) })
    }
}

impl TestTargetInput {
    /// The target, or everything that is wrong with it.
    pub(crate) fn parse(self) -> Result<(Target, TlsVerification), ApiError> {
        let mut mistakes = Mistakes::default();
        let (target, verification) = self.read(&mut mistakes);
        Ok((mistakes.finish(target)?, verification))
    }

    fn read(self, mistakes: &mut Mistakes) -> (Option<Target>, TlsVerification) {
        let host = mistakes.required::<TargetHost>("internalHost", self.internal_host);
        let port = port(mistakes, self.internal_port);
        let tls = mistakes.optional("internalUseTls", self.internal_use_tls, YES_OR_NO);
        let scheme = match mistakes.text("internalProtocol", self.internal_protocol) {
            Some(text) => scheme(mistakes, &text),
            None if tls == Some(true) => Some(Scheme::Https),
            None => Some(Scheme::Http),
        };
        let any_certificate = mistakes.either(
            ("allowInvalidCertificates", self.allow_invalid_certificates),
            ("allowSelfSignedCerts", self.allow_self_signed_certs),
            YES_OR_NO,
        );
        let verification = match any_certificate {
            Some(true) => TlsVerification::AcceptInvalid,
            _ => TlsVerification::Strict,
        };
        let target = (|| Some(Target { scheme: scheme?, host: host?, port: port? }))();
        (target, verification)
    }
}

impl ToggleInput {
    /// Whether it shall be served.
    pub(crate) fn parse(self) -> Result<bool, ApiError> {
        let mut mistakes = Mistakes::default();
        let enabled = mistakes.optional("enabled", self.enabled, YES_OR_NO).unwrap_or(false);
        mistakes.finish(Some(enabled))
    }
}

/// A blank name is none; without one a mapping is called by its domain.
fn mapping_name(
    mistakes: &mut Mistakes,
    name: Loose<String>,
    description: Loose<String>,
    host: Option<&HostPattern>,
) -> Option<MappingName> {
    let given = match mistakes.text("name", name) {
        Some(text) => Some(("name", text)),
        None => mistakes.text("description", description).map(|text| ("description", text)),
    };
    match given {
        Some((field, text)) => mistakes.parse(field, &text),
        None => {
            let domain: String = host?.to_string().chars().take(MappingName::MAX_LEN).collect();
            mistakes.parse("name", &domain)
        }
    }
}

fn port(mistakes: &mut Mistakes, value: Loose<i64>) -> Option<NonZeroU16> {
    let wanted = "a number from 1 to 65535";
    if value == Loose::Absent {
        mistakes.add("internalPort", "a port is needed: a number from 1 to 65535");
        return None;
    }
    let number = mistakes.optional("internalPort", value, wanted)?;
    let port = u16::try_from(number).ok().and_then(NonZeroU16::new);
    if port.is_none() {
        mistakes.add("internalPort", &format!("a port is {wanted}, this one is {number}"));
    }
    port
}

fn scheme(mistakes: &mut Mistakes, text: &str) -> Option<Scheme> {
    match text.trim().to_ascii_lowercase().as_str() {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => {
            mistakes.add("internalProtocol", &format!("{text:?} is not a protocol for a target; use Http or Https"));
            None
        }
    }
}

fn host_header(mistakes: &mut Mistakes, value: Loose<String>) -> HostHeader {
    let Some(text) = mistakes.text("hostHeader", value) else { return HostHeader::Keep };
    match text.trim().to_ascii_lowercase().as_str() {
        "keep" => HostHeader::Keep,
        "target" => HostHeader::Target,
        name => mistakes.parse("hostHeader", name).map_or(HostHeader::Keep, HostHeader::Custom),
    }
}

fn compression(mistakes: &mut Mistakes, value: Loose<String>) -> Compression {
    let Some(text) = mistakes.text("compression", value) else { return Compression::Auto };
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" => Compression::Auto,
        "on" => Compression::On,
        "off" => Compression::Off,
        _ => {
            mistakes.add("compression", &format!("{text:?} is not one of auto, on and off"));
            Compression::Auto
        }
    }
}
