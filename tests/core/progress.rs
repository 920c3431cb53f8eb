//! What a handler tells of its progress (X-PRG-01, G25-PRG-03).

use mcp_longhaul::receiver::{Output, RequestId};

use crate::bench::Bench;
use crate::harness::{G25, G26};

fn progress(bench: &mut Bench, call: RequestId, value: f64) -> bool {
    bench.input(0, |receiver, now| receiver.handle_progress(now, call, value))
}

fn told(bench: &Bench, call: RequestId) -> usize {
    bench.count(|output| *output == Output::Progress { call })
}

/// X-PRG-01: the first goes out at once; of what comes within 50 ms of it, the latest when they are over.
#[test]
fn progress_is_told_every_50_ms_at_most() {
    let mut bench = Bench::new(G25);
    let (call, _) = bench.start();
    assert!(progress(&mut bench, call, 1.0));
    assert_eq!(told(&bench, call), 1);
    for value in [2.0, 3.0, 4.0] {
        assert!(progress(&mut bench, call, value));
    }
    bench.pass(49);
    assert_eq!(told(&bench, call), 1);
    bench.pass(1);
    assert_eq!(told(&bench, call), 2);
    // Nothing is owed.
    bench.pass(1_000);
    assert_eq!(told(&bench, call), 2);
    assert!(progress(&mut bench, call, 5.0));
    assert_eq!(told(&bench, call), 3);
}

/// G25-PRG-03: progress that does not grow is none, and so is what is no number.
#[test]
fn progress_grows() {
    let mut bench = Bench::new(G25);
    let (call, _) = bench.start();
    assert!(progress(&mut bench, call, 0.0));
    for value in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
        assert!(!progress(&mut bench, call, value), "{value}");
    }
    assert!(progress(&mut bench, call, 0.5));
}

/// G26-PRG-01, G25-PRG-02: a task of 2026-07-28 has no progress, and none has it after its end.
#[test]
fn progress_ends_with_its_task() {
    let mut bench = Bench::new(G26);
    let (call, _) = bench.start();
    assert!(!progress(&mut bench, call, 1.0));
    let mut bench = Bench::new(G25);
    let (call, _) = bench.start();
    assert!(progress(&mut bench, call, 1.0));
    assert!(progress(&mut bench, call, 2.0));
    bench.complete(0, call);
    bench.pass(1_000);
    assert_eq!(told(&bench, call), 1);
    assert!(!progress(&mut bench, call, 3.0));
    bench.assert_idle();
}
