//! A mapping as a client sends it, in either vocabulary.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::loose::Loose;

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
