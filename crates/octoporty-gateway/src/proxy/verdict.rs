//! What went wrong on the way to the target and back, and what the visitor and the owner are told of it.

use octoporty_proto::model::{Failure, FailureCode};
use octoporty_proto::wire::{Blame, Reset, ResetCode};

use crate::ingress::wire::UploadFault;
use crate::upstream::decoder::BodyFault;
use crate::upstream::response::HeadError;

/// Why there is no answer from the target.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The stream was reset.
    Reset(Reset),
    /// The stream finished before a head was whole.
    Finished,
    /// The answer's head is of no use.
    Head(HeadError),
    /// No stream could be opened.
    NoStream(Failure),
    /// 101 to a request that asked for no upgrade.
    UnaskedSwitch,
    /// Nothing came in time.
    FirstByte,
    /// The visitor's own upload stood still for too long.
    UploadIdle,
    /// The visitor's body broke off: there is nobody to answer.
    VisitorLeft,
    /// The visitor's body is malformed.
    VisitorMalformed(String),
}

/// Whether the bytes of a failed request can have reached the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Delivery {
    /// They did not: sending them again is always right.
    Never,
    /// Perhaps.
    Perhaps,
}

impl Trouble {
    /// What the code of a reset says about the bytes that were sent, or `None` if trying again makes no sense.
    pub(super) fn delivery(&self) -> Option<Delivery> {
        match self {
            Self::Reset(reset) => match reset.code {
                ResetCode::NotDelivered | ResetCode::Draining | ResetCode::TooManyStreams => Some(Delivery::Never),
                _ => Some(Delivery::Perhaps),
            },
            Self::Finished => Some(Delivery::Perhaps),
            _ => None,
        }
    }

    /// Whether the target ended the connection instead of answering.
    pub(super) fn is_targets_end(&self) -> bool {
        match self {
            Self::Reset(reset) => reset.blame == Blame::Target,
            Self::Finished => true,
            _ => false,
        }
    }

    /// The failure to tell.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::Reset(reset) => failure_of_reset(reset),
            Self::Finished => {
                with_detail(FailureCode::TargetClosed, "the target closed before its answer's head was whole")
            }
            Self::Head(HeadError::Tls) => with_detail(FailureCode::TargetSpeaksTls, "a TLS record came as the answer"),
            Self::Head(error) => with_detail(FailureCode::TargetMalformed, &error.to_string()),
            Self::NoStream(failure) => failure,
            Self::UnaskedSwitch => {
                with_detail(FailureCode::TargetMalformed, "the target switched protocols without being asked to")
            }
            Self::FirstByte => FailureCode::FirstByteTimeout.into(),
            Self::UploadIdle => with_detail(FailureCode::IdleTimeout, "the visitor's upload stood still"),
            Self::VisitorLeft => with_detail(FailureCode::BadRequest, "the visitor left during its upload"),
            Self::VisitorMalformed(text) => with_detail(FailureCode::BadRequest, &text),
        }
    }
}

/// The failure that a reset stands for.
pub(super) fn failure_of_reset(reset: Reset) -> Failure {
    let code = match reset.code {
        ResetCode::TargetRefused => FailureCode::TargetRefused,
        ResetCode::TargetUnreachable => FailureCode::TargetUnreachable,
        ResetCode::TargetTimeout => FailureCode::TargetTimeout,
        ResetCode::TargetDns => FailureCode::TargetDns,
        ResetCode::TargetCertificate => FailureCode::TargetCertificate,
        ResetCode::TargetTls => FailureCode::TargetTls,
        ResetCode::TargetSpeaksHttp => FailureCode::TargetSpeaksHttp,
        ResetCode::TargetReset | ResetCode::NotDelivered => FailureCode::TargetClosed,
        ResetCode::MappingUnknown => FailureCode::MappingUnknown,
        ResetCode::TargetDenied => FailureCode::TargetDenied,
        ResetCode::Draining => FailureCode::AgentAway,
        ResetCode::TooManyStreams => FailureCode::AgentBusy,
        ResetCode::IdleTimeout => FailureCode::IdleTimeout,
        ResetCode::LinkLost => FailureCode::TunnelLost,
        // Codes of a newer agent, and its defects: the blame tells the hop.
        _ => match reset.blame {
            Blame::Target => FailureCode::TargetClosed,
            Blame::Gateway => FailureCode::Internal,
            Blame::Visitor | Blame::Link | Blame::Agent => FailureCode::TunnelLost,
        },
    };
    let text = if reset.detail.is_empty() { reset.code.name().to_owned() } else { reset.detail };
    Failure { code, detail: Some(text) }
}

/// The failure of an answer that broke off in its body.
pub(super) fn failure_of_body(fault: BodyFault) -> Failure {
    let code = match fault {
        BodyFault::Short => FailureCode::TargetClosed,
        BodyFault::Chunk(_) => FailureCode::TargetMalformed,
    };
    with_detail(code, &fault.to_string())
}

/// What a fault of the visitor's body means.
pub(super) fn trouble_of_upload(fault: &UploadFault) -> Trouble {
    match fault {
        UploadFault::Left => Trouble::VisitorLeft,
        UploadFault::Malformed(fault) => Trouble::VisitorMalformed(format!("the request body is malformed: {fault}")),
    }
}

pub(super) fn with_detail(code: FailureCode, detail: &str) -> Failure {
    Failure { code, detail: Some(detail.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_target_has_its_failure() {
        for (code, failure) in [
            (ResetCode::TargetRefused, FailureCode::TargetRefused),
            (ResetCode::TargetUnreachable, FailureCode::TargetUnreachable),
            (ResetCode::TargetTimeout, FailureCode::TargetTimeout),
            (ResetCode::TargetDns, FailureCode::TargetDns),
            (ResetCode::TargetCertificate, FailureCode::TargetCertificate),
            (ResetCode::TargetTls, FailureCode::TargetTls),
            (ResetCode::TargetSpeaksHttp, FailureCode::TargetSpeaksHttp),
            (ResetCode::TargetDenied, FailureCode::TargetDenied),
            (ResetCode::TargetReset, FailureCode::TargetClosed),
            (ResetCode::MappingUnknown, FailureCode::MappingUnknown),
            (ResetCode::TooManyStreams, FailureCode::AgentBusy),
            (ResetCode::Draining, FailureCode::AgentAway),
            (ResetCode::LinkLost, FailureCode::TunnelLost),
            (ResetCode::IdleTimeout, FailureCode::IdleTimeout),
        ] {
            assert_eq!(failure_of_reset(Reset::new(code, Blame::Target)).code, failure, "{code:?}");
        }
    }

    #[test]
    fn unknown_codes_are_told_by_their_blame_and_keep_their_text() {
        let reset = |blame| Reset { detail: "why".to_owned(), ..Reset::new(ResetCode(999), blame) };
        assert_eq!(failure_of_reset(reset(Blame::Target)).code, FailureCode::TargetClosed);
        assert_eq!(failure_of_reset(reset(Blame::Agent)).code, FailureCode::TunnelLost);
        assert_eq!(failure_of_reset(reset(Blame::Gateway)).code, FailureCode::Internal);
        assert_eq!(failure_of_reset(reset(Blame::Link)).detail.as_deref(), Some("why"));
    }

    #[test]
    fn only_undelivered_bytes_are_safe_for_every_method() {
        for code in [ResetCode::NotDelivered, ResetCode::Draining, ResetCode::TooManyStreams] {
            assert_eq!(Trouble::Reset(Reset::new(code, Blame::Agent)).delivery(), Some(Delivery::Never));
        }
        for code in [ResetCode::TargetReset, ResetCode::LinkLost, ResetCode::Internal] {
            assert_eq!(Trouble::Reset(Reset::new(code, Blame::Target)).delivery(), Some(Delivery::Perhaps));
        }
        assert_eq!(Trouble::Finished.delivery(), Some(Delivery::Perhaps));
        assert_eq!(Trouble::FirstByte.delivery(), None);
        assert_eq!(Trouble::Head(HeadError::Tls).delivery(), None);
    }
}
