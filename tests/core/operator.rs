//! What an operator does to stored tasks, without a receiver.

use mcp_longhaul::operator::{cancel, has_tasks, may_be_deleted};
use mcp_longhaul::task::{Failure, Phase, Task};

use crate::harness::START;
use crate::state::task;

/// By how much clocks may differ, in ms.
const SKEW: i64 = 1_000;

fn in_phase(phase: Phase) -> Task {
    Task { phase, failure: None, posts: 0, post_at: None, ttl: Some(60_000), extends: false, ..task() }
}

/// G25-CAN-05, X-STO-01: what has ended stays as it is; everything else is cancelled, by one record.
#[test]
fn cancelling_ends_what_has_not_ended() {
    for phase in Phase::ALL {
        let before = Task { created_at: START, updated_at: START, ..in_phase(phase) };
        let ended = cancel(&before, START + 5, SKEW, 77);
        if phase.is_terminal() {
            assert_eq!(ended, None);
            continue;
        }
        let ended = ended.unwrap();
        let after = Task::from_state(&ended.state).unwrap();
        assert_eq!((after.phase, after.failure, after.write_id), (Phase::Cancelled, None, 77));
        assert!(after.lease.is_none() && after.inputs.is_empty());
        assert_eq!(after.updated_at, START + 5);
        assert_eq!(ended.due_at, Some(START + 60_000 + SKEW));
        assert_eq!(after.unknown, before.unknown, "what another version stored with it is lost");
    }
}

/// X-TTL-01: a task whose time is over by every clock has expired, and is not cancelled.
#[test]
fn a_task_past_its_time_expires() {
    let before = Task { created_at: START, updated_at: START, ..in_phase(Phase::Working) };
    for (now, failure) in [(START + 60_000, None), (START + 60_000 + SKEW, Some(Failure::Expired))] {
        let after = Task::from_state(&cancel(&before, now, SKEW, 1).unwrap().state).unwrap();
        assert_eq!(after.failure, failure);
    }
}

/// A cooperative handler does not keep an operator's task alive.
#[test]
fn cancelling_is_final_where_handlers_decide() {
    let before = Task { cooperative: true, created_at: START, updated_at: START, ..in_phase(Phase::Working) };
    let after = Task::from_state(&cancel(&before, START, SKEW, 1).unwrap().state).unwrap();
    assert_eq!(after.phase, Phase::Cancelled);
}

/// Nothing is deleted that runs, or of whose end somebody is still to be told.
#[test]
fn only_what_is_over_may_be_deleted() {
    for phase in Phase::ALL {
        assert_eq!(may_be_deleted(&in_phase(phase)), phase.is_terminal());
        assert!(!may_be_deleted(&Task { posts: 1, ..in_phase(phase) }));
    }
    assert!(has_tasks("") && has_tasks("alice"));
    assert!(!has_tasks("\u{1}alice") && !has_tasks("\u{2}guests"));
}
