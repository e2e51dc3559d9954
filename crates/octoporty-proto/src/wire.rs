//! What a link carries: frames and what is in them. `docs/PROTOCOL.md` has the format in words and golden bytes.
//!
//! The cast: [`Frame`] is one frame, [`Decoder`] cuts a link's bytes into frames, [`Open`] and [`Reset`] are what the
//! frames of these names say.

mod decoder;
mod frame;
mod open;
mod packed;
mod reset;

use std::fmt;
use std::net::SocketAddr;

use crate::model::{Compression, MappingId};

pub use decoder::Decoder;
pub use frame::{
    Credit, End, Frame, FrameError, HEADER_LEN, MAX_OPEN_HEAD, MAX_PAYLOAD, PACKED_PREFIX, PREFACE, put_data_header,
    put_open_header, put_packed_header,
};
pub use packed::{pack, unpack};

/// Number of a stream on its link. 0 is the control stream; the gateway opens odd ones, the agent even ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StreamId(pub u32);

/// Which end of a link this is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// Accepts links, opens odd streams.
    Gateway,
    /// Dials links, opens even streams.
    Agent,
}

/// Whose doing a reset is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Blame {
    /// The visitor, or whatever stands before the gateway.
    Visitor,
    /// The gateway.
    Gateway,
    /// The link.
    Link,
    /// The agent.
    Agent,
    /// The target.
    Target,
}

macro_rules! reset_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Why a stream was reset. Numbers are the wire's and never change; unknown ones are kept as they are.
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct ResetCode(pub u16);

        #[expect(non_upper_case_globals, reason = "reads as an enum; the wire has numbers this release does not know")]
        impl ResetCode {
            $($(#[$doc])* pub const $name: Self = Self($number);)*

            /// The code's stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 { $($number => $text,)* _ => "unknown" }
            }
        }
    };
}

reset_codes! {
    /// The one who wanted the stream has gone.
    Cancelled = 1, "cancelled";
    /// The target refused the connection.
    TargetRefused = 2, "target_refused";
    /// No route, host down.
    TargetUnreachable = 3, "target_unreachable";
    /// The dial took too long.
    TargetTimeout = 4, "target_timeout";
    /// The target's name does not resolve.
    TargetDns = 5, "target_dns";
    /// The target's certificate is not acceptable.
    TargetCertificate = 6, "target_certificate";
    /// TLS with the target failed otherwise.
    TargetTls = 7, "target_tls";
    /// The mapping says https, the target speaks plain HTTP.
    TargetSpeaksHttp = 8, "target_speaks_http";
    /// The target reset the connection while bytes flowed.
    TargetReset = 9, "target_reset";
    /// The agent has no such mapping.
    MappingUnknown = 10, "mapping_unknown";
    /// The agent's rules forbid the target.
    TargetDenied = 11, "target_denied";
    /// The bytes sent on this stream never reached the target: safe to send again on a fresh stream.
    NotDelivered = 12, "not_delivered";
    /// The receiver is stopping and did not take the stream: safe to send again elsewhere.
    Draining = 13, "draining";
    /// More bytes than the window allowed.
    FlowControl = 14, "flow_control";
    /// A defect of the sender of the reset.
    Internal = 15, "internal";
    /// No byte moved for too long.
    IdleTimeout = 16, "idle_timeout";
    /// The link is gone. Never on the wire: each side says it to its own streams.
    LinkLost = 17, "link_lost";
    /// Over the number of streams that the receiver allows: safe to send again.
    TooManyStreams = 18, "too_many_streams";
}

impl fmt::Debug for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

/// A coded end of a stream, both directions at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reset {
    /// Why.
    pub code: ResetCode,
    /// Whose doing.
    pub blame: Blame,
    /// Particulars for the owner's log, at most [`Reset::MAX_DETAIL`] bytes; never shown to a visitor.
    pub detail: String,
}

impl Reset {
    /// Most bytes of detail on the wire; longer ones are cut at a character boundary.
    pub const MAX_DETAIL: usize = 256;

    /// A reset without particulars.
    #[must_use]
    pub const fn new(code: ResetCode, blame: Blame) -> Self {
        Self { code, blame, detail: String::new() }
    }
}

/// What an Open frame says besides its first bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// Which mapping the stream is for; the agent looks the target up in its own table.
    pub mapping: MappingId,
    /// The visitor, for PROXY protocol and logs.
    pub visitor: Option<SocketAddr>,
    /// Whether the opener's stream data may be compressed.
    pub compression: Compression,
}
