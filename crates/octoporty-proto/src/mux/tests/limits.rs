//! Two ends that are ready to hold different amounts for their link.

use super::sim::{AGENT, GATEWAY, Line, Pair, ReadEnd, config, pattern};
use crate::mux::{LinkError, Mux, MuxConfig};
use crate::wire::{Side, StreamId};

const MIB: u64 = 1 << 20;

/// Whether the ends heard of each other's figure.
#[derive(PartialEq)]
enum Told {
    Yes,
    No,
}

/// A gateway that holds a mebibyte, an agent that holds 64.
fn unequal(told: &Told) -> Pair {
    let agent = config();
    let gateway = MuxConfig { max_in_flight: MIB, ..config() };
    let mut pair = Pair::new(&agent, &Line::default(), 1);
    pair.ends[GATEWAY] = Mux::new(Side::Gateway, gateway.clone(), pair.now);
    if *told == Told::Yes {
        pair.ends[GATEWAY].limit_in_flight(agent.max_in_flight);
        pair.ends[AGENT].limit_in_flight(gateway.max_in_flight);
    }
    pair.settle();
    pair
}

/// So many streams of which nobody reads what `from` sends as long as there is room.
fn stuck(pair: &mut Pair, from: usize, count: usize) -> Vec<StreamId> {
    let ids: Vec<StreamId> = (0..count).map(|_| pair.open(GATEWAY, b"")).collect();
    pair.settle();
    for id in &ids {
        pair.write(from, *id, &pattern(1, 0, 256 * 1024));
        pair.settle();
    }
    ids
}

#[test]
fn a_sender_that_was_not_told_breaks_the_smaller_figure_and_one_that_was_keeps_it() {
    // A broken link's books are not kept to the end.
    let mut pair = unequal(&Told::No).without_audit();
    stuck(&mut pair, AGENT, 10);
    assert_eq!(pair.errors[GATEWAY], Some(LinkError::Protocol("more data than the window allows")));

    let mut pair = unequal(&Told::Yes);
    stuck(&mut pair, AGENT, 10);
    stuck(&mut pair, GATEWAY, 10);
    assert_eq!(pair.errors, [None, None]);
    for end in [GATEWAY, AGENT] {
        assert_eq!(pair.ends[end].books.sending.excess(), MIB, "all of it may be used, in both directions");
    }
}

#[test]
fn a_figure_above_ones_own_changes_nothing() {
    let mut pair = unequal(&Told::No);
    pair.ends[GATEWAY].limit_in_flight(u64::MAX);
    stuck(&mut pair, GATEWAY, 10);
    assert_eq!(pair.ends[GATEWAY].books.sending.excess(), MIB);
}

/// The side that holds more gives credit back in time for the side that may send less: no step of this is a probe's.
#[test]
fn many_streams_flow_in_both_directions_without_waiting_for_a_probe() {
    for from in [GATEWAY, AGENT] {
        let mut pair = unequal(&Told::Yes);
        let still = stuck(&mut pair, from, 2);
        let ids: Vec<StreamId> = (0..50).map(|_| pair.open(GATEWAY, b"")).collect();
        pair.settle();
        let body = pattern(2, 0, 600_000);
        let (mut sent, mut got) = ([0; 50], vec![Vec::new(); 50]);
        while got.iter().any(|got| got.len() < body.len()) {
            let mut moved = 0;
            for (n, id) in ids.iter().enumerate() {
                let more = pair.write(from, *id, &body[sent[n]..]);
                sent[n] += more;
                let read = pair.read(1 - from, *id);
                assert_eq!(read.end, ReadEnd::Blocked);
                moved += more + read.bytes.len();
                got[n].extend(read.bytes);
            }
            let lengths = || got.iter().map(Vec::len).collect::<Vec<_>>();
            assert!(pair.step() || moved > 0, "the link came to a halt at {:?}", lengths());
        }
        assert_eq!(pair.errors, [None, None]);
        assert!(got.iter().all(|got| *got == body[..]));
        for id in still {
            assert_eq!(pair.read(1 - from, id).bytes, pattern(1, 0, 256 * 1024), "what was stuck is whole");
        }
    }
}
