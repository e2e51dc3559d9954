//! The tunnel comes back by itself, every time, within five seconds of the recovery, and nobody is told lies
//! meanwhile. Short heartbeat; three rounds each here, fifty in `make soak`.

use octoporty_e2e::resilience::{self, Trouble};

const ROUNDS: u32 = 3;

macro_rules! trouble {
    ($($test:ident: $trouble:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let report = resilience::run($trouble, ROUNDS, 0x0c70_90e7).await;
            println!("{report}");
        })*
    };
}

trouble! {
    a_link_that_is_cut_comes_back: Trouble::Cut;
    a_link_that_is_reset_comes_back: Trouble::Reset;
    a_half_open_link_comes_back: Trouble::HalfOpen;
    a_frozen_link_is_noticed_and_comes_back: Trouble::Freeze;
    a_link_frozen_towards_the_agent_is_noticed_and_comes_back: Trouble::FreezeDown;
    a_link_frozen_towards_the_gateway_is_noticed_and_comes_back: Trouble::FreezeUp;
    a_network_that_was_away_for_long_is_found_again: Trouble::Away;
    a_killed_gateway_that_restarts_is_found_again: Trouble::GatewayKilled;
    a_killed_agent_that_restarts_takes_over_its_dead_session: Trouble::AgentKilled;
    a_frozen_agent_that_is_replaced_does_not_hold_its_name: Trouble::AgentFrozen;
    a_target_that_restarts_is_served_again: Trouble::TargetRestarted;
    an_agent_that_starts_before_its_gateway_finds_it: Trouble::AgentFirst;
}
