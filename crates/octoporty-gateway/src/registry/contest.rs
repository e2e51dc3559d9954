//! Two live agents of one name that keep taking over each other.
//!
//! A restarted agent is a new instance each time, and an agent that comes back after a network change is the one
//! that holds the name already; neither is ever refused. A contest is when an instance that was taken over while it
//! lived comes back for the name, again and again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use octoporty_proto::model::InstanceId;

/// How long a takeover is remembered.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Takeovers of live sessions within [`WINDOW`] from which on a returning instance is refused.
const MOST_TAKEOVERS: usize = 3;
/// Entries kept: what is older than these does not change the judgement.
const MEMORY: usize = 16;

/// The newest takeovers of one agent's name.
#[derive(Debug, Default)]
pub(super) struct Contest {
    takeovers: VecDeque<(Instant, InstanceId)>,
}

impl Contest {
    /// Whether an instance that wants to take over from another one, which is alive, is refused. Counts the
    /// attempt either way, so that a contest lasts as long as both try.
    pub(super) fn judge(&mut self, loser: InstanceId, newcomer: InstanceId, now: Instant) -> Verdict {
        self.takeovers.retain(|(at, _)| now.saturating_duration_since(*at) < WINDOW);
        let returns = self.takeovers.iter().any(|(_, lost)| *lost == newcomer);
        let contested = returns && self.takeovers.len() >= MOST_TAKEOVERS;
        let lost = if contested { newcomer } else { loser };
        if self.takeovers.len() == MEMORY {
            self.takeovers.pop_front();
        }
        self.takeovers.push_back((now, lost));
        if contested { Verdict::Refuse } else { Verdict::TakeOver }
    }
}

/// What becomes of a newcomer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It gets the name.
    TakeOver,
    /// The one that holds it stays.
    Refuse,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn instance(number: u128) -> InstanceId {
        InstanceId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn two_instances_that_alternate_are_contested_at_the_fourth_takeover() {
        let (a, b, start) = (instance(1), instance(2), Instant::now());
        let mut contest = Contest::default();
        for (step, (loser, newcomer)) in [(a, b), (b, a), (a, b)].into_iter().enumerate() {
            let now = start + Duration::from_secs(step as u64);
            assert_eq!(contest.judge(loser, newcomer, now), Verdict::TakeOver, "takeover {step}");
        }
        assert_eq!(contest.judge(b, a, start + Duration::from_secs(4)), Verdict::Refuse);
    }

    #[test]
    fn a_contest_lasts_while_the_loser_keeps_trying_and_ends_after_a_quiet_window() {
        let (a, b, mut now) = (instance(1), instance(2), Instant::now());
        let mut contest = Contest::default();
        for (loser, newcomer) in [(a, b), (b, a), (a, b)] {
            assert_eq!(contest.judge(loser, newcomer, now), Verdict::TakeOver);
        }
        for _ in 0..20 {
            assert_eq!(contest.judge(b, a, now), Verdict::Refuse);
            now += Duration::from_secs(10);
        }
        now += WINDOW;
        assert_eq!(contest.judge(b, a, now), Verdict::TakeOver);
    }

    #[test]
    fn an_agent_that_restarts_over_and_over_is_never_refused() {
        let now = Instant::now();
        let mut contest = Contest::default();
        for number in 0..100 {
            let verdict = contest.judge(instance(number), instance(number + 1), now);
            assert_eq!(verdict, Verdict::TakeOver, "restart {number}");
        }
    }

    #[test]
    fn slow_alternation_is_no_contest() {
        let (a, b, start) = (instance(1), instance(2), Instant::now());
        let mut contest = Contest::default();
        for step in 0_u64..10 {
            let (loser, newcomer) = if step % 2 == 0 { (a, b) } else { (b, a) };
            let now = start + Duration::from_secs(step * 31);
            assert_eq!(contest.judge(loser, newcomer, now), Verdict::TakeOver, "takeover {step}");
        }
    }
}
