//! Finished requests on their way to the console: never a reason for the tunnel to wait.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use octoporty_proto::model::AccessRows;
use tokio::sync::mpsc;

/// Batches that wait for the console. At a batch a second and gateway shard this is half a minute of a busy site;
/// a console that is away for longer loses records, never requests.
pub(crate) const ACCESS_QUEUE: usize = 256;

/// At most one complaint in this time.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// Records that were dropped and not complained about yet.
#[derive(Debug, Default)]
struct Losses {
    here: u64,
    gateway: u64,
    /// Both, since the start.
    all_here: u64,
    all_gateway: u64,
    last_complaint: Option<Instant>,
}

/// Passes batches on, or drops and counts them.
#[derive(Debug)]
pub(crate) struct AccessFunnel {
    out: mpsc::Sender<AccessRows>,
    losses: Mutex<Losses>,
}

/// What is to be complained about now.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    here: u64,
    gateway: u64,
}

impl AccessFunnel {
    pub(crate) fn new() -> (Self, mpsc::Receiver<AccessRows>) {
        let (out, taken) = mpsc::channel(ACCESS_QUEUE);
        (Self { out, losses: Mutex::default() }, taken)
    }

    /// Offers a batch; `dropped` is what the gateway dropped before it.
    pub(crate) fn offer(&self, rows: AccessRows, dropped: u64) {
        let lost = match self.out.try_send(rows) {
            Ok(()) => 0,
            // Nobody keeps requests: the agent runs without a console.
            Err(mpsc::error::TrySendError::Closed(_)) => return,
            Err(mpsc::error::TrySendError::Full(rows)) => rows.len() as u64,
        };
        if let Some(complaint) = self.note(lost, dropped, Instant::now()) {
            tracing::warn!(
                dropped_by_agent = complaint.here,
                dropped_by_gateway = complaint.gateway,
                "records of requests were dropped, since they came faster than they are kept; the requests themselves were served"
            );
        }
    }

    /// Records that were dropped since the start: by this agent, and by its gateway.
    pub(crate) fn dropped(&self) -> (u64, u64) {
        let losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        (losses.all_here, losses.all_gateway)
    }

    fn note(&self, here: u64, gateway: u64, now: Instant) -> Option<Complaint> {
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.here += here;
        losses.gateway += gateway;
        losses.all_here += here;
        losses.all_gateway += gateway;
        let due = losses.last_complaint.is_none_or(|last| now.duration_since(last) >= COMPLAINT_INTERVAL);
        if !due || losses.here + losses.gateway == 0 {
            return None;
        }
        let complaint = Complaint { here: losses.here, gateway: losses.gateway };
        *losses = Losses { here: 0, gateway: 0, last_complaint: Some(now), ..*losses };
        Some(complaint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_counts_and_complains_at_most_once_a_minute() {
        let (funnel, taken) = AccessFunnel::new();
        let now = Instant::now();
        assert_eq!(funnel.note(0, 0, now), None);
        assert_eq!(funnel.note(2, 1, now), Some(Complaint { here: 2, gateway: 1 }));
        assert_eq!(funnel.note(5, 0, now + Duration::from_secs(59)), None);
        assert_eq!(funnel.note(0, 3, now + Duration::from_secs(60)), Some(Complaint { here: 5, gateway: 3 }));
        assert_eq!(funnel.dropped(), (7, 4), "complaints do not take them away");
        drop(taken);
    }

    #[test]
    fn batches_beyond_the_queue_are_dropped_without_waiting() {
        let (funnel, mut taken) = AccessFunnel::new();
        for _ in 0..ACCESS_QUEUE + 3 {
            funnel.offer(AccessRows::default(), 0);
        }
        let mut batches = 0;
        while taken.try_recv().is_ok() {
            batches += 1;
        }
        assert_eq!(batches, ACCESS_QUEUE);
    }
}
