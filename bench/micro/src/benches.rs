//! What is counted. Everything here runs inside callgrind.

mod frames;
mod heads;
mod mux;
mod routing;
mod websocket;

use octoporty_proto::model::{
    Compression, Endpoint, HostHeader, HostPattern, Mapping, MappingId, PathPrefix, PrefixHandling, Scheme, Target,
    TlsVerification,
};
use octoporty_proto::wire::Open;
use uuid::Uuid;

use crate::meter::Meter;

/// Runs every bench that is wanted.
pub(crate) fn run(meter: &mut Meter) {
    frames::run(meter);
    mux::run(meter);
    websocket::run(meter);
    heads::run(meter);
    routing::run(meter);
}

/// A mapping as most are: a name, all its paths, the visitor's `Host`.
fn mapping(host: &str) -> Mapping {
    let host: HostPattern = host.parse().expect("a legal name");
    Mapping {
        id: MappingId::from_uuid(Uuid::from_u128(1)),
        name: "site".parse().expect("a legal name"),
        endpoint: Endpoint::Http { host, path: PathPrefix::root(), prefix: PrefixHandling::Keep },
        target: Target::new(Scheme::Http, "127.0.0.1", 8080).expect("a legal target"),
        verification: TlsVerification::Strict,
        host_header: HostHeader::Keep,
        compression: Compression::Auto,
    }
}

/// What the gateway says as it opens a stream for a visitor.
fn open() -> Open {
    Open {
        mapping: MappingId::from_uuid(Uuid::from_u128(1)),
        visitor: Some(([192, 0, 2, 9], 4711).into()),
        compression: Compression::Auto,
    }
}
