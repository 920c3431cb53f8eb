//! The text that a store keeps of a task.

use mcp_tasks::task::{Failure, Input, InputKind, Lease, MESSAGE_BYTES, OnLost, Phase, Task};
use mcp_tasks::wire::Generation;
use proptest::prelude::*;

use crate::harness::{G25, G26, START};
use crate::properties::cases;

/// A task of a minute that works.
pub fn task() -> Task {
    Task {
        generation: G26,
        phase: Phase::Working,
        failure: None,
        created_at: START,
        updated_at: START,
        ttl: Some(60_000),
        poll_interval: 1000,
        tool: "paint".into(),
        trace: String::new(),
        message: String::new(),
        cooperative: false,
        cancel_requested: false,
        extends: false,
        on_lost: OnLost::Fail,
        restarts: 0,
        issued: 0,
        mark: 0,
        waits_since: None,
        inputs: Vec::new(),
        epoch: 1,
        lease: Some(Lease { holder: "me".into(), until: START + 90_000 }),
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\\\\\t\n\r\0a🎨é-]{0,12}", Just(String::new()), Just("\\t".to_owned()), Just("\\\\0\\".to_owned())]
}

fn generation() -> impl Strategy<Value = Generation> {
    prop_oneof![Just(G25), Just(G26)]
}

fn input() -> impl Strategy<Value = Input> {
    (text(), text(), prop::sample::select(InputKind::ALL.to_vec()), any::<bool>(), any::<bool>())
        .prop_map(|(key, name, kind, answered, in_result)| Input { key, name, kind, answered, in_result })
}

fn lease() -> impl Strategy<Value = Lease> {
    (text(), any::<i64>()).prop_map(|(holder, until)| Lease { holder: holder.into(), until })
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![Just(Failure::Expired), Just(Failure::Lost), Just(Failure::TooLarge), Just(Failure::NotJson), Just(Failure::Unanswerable)]
}

prop_compose! {
    fn any_task()(
        generation in generation(),
        phase in prop::sample::select(Phase::ALL.to_vec()),
        failure in prop::option::of(failure()),
        times in (0i64..1 << 53, 0i64..1 << 40),
        waited in prop::option::of(0i64..1 << 40),
        ttl in any::<Option<u64>>(),
        numbers in (any::<u32>(), any::<u32>(), any::<u64>(), any::<u32>()),
        texts in (text(), text(), text()),
        flags in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        inputs in prop::collection::vec(input(), 0..5),
        lease in prop::option::of(lease()),
    ) -> Task {
        Task {
            generation, phase, failure, ttl, inputs, lease,
            created_at: times.0,
            updated_at: times.0 + times.1,
            poll_interval: numbers.0,
            issued: numbers.1,
            mark: numbers.2,
            waits_since: waited.map(|age| times.0 + age),
            tool: texts.0,
            trace: texts.2,
            message: texts.1,
            cooperative: flags.0,
            cancel_requested: flags.1,
            extends: flags.2,
            on_lost: if flags.3 { OnLost::Restart } else { OnLost::Fail },
            restarts: numbers.0,
            epoch: numbers.3,
        }
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// X-LIM-05, H62: any task comes back from its text as it was, whatever its texts and keys are; and no text that a
    /// database could refuse is in it.
    #[test]
    fn a_task_survives_its_text(task in any_task()) {
        let state = task.to_state();
        prop_assert!(!state.contains('\0'));
        prop_assert_eq!(Task::from_state(&state), Some(task));
    }

    /// Texts from elsewhere are refused or read, and never end the process.
    #[test]
    fn garbage_is_no_task(garbage in any::<String>()) {
        if let Some(task) = Task::from_state(&garbage) {
            prop_assert_eq!(Task::from_state(&task.to_state()), Some(task));
        }
    }

    /// A damaged text is refused or read, and never ends the process.
    #[test]
    fn a_damaged_text_is_harmless(task in any_task(), at: prop::sample::Index, with in any::<char>(), cut: bool) {
        let state = task.to_state();
        let places: Vec<usize> = state.char_indices().map(|(place, _)| place).collect();
        let place = places[at.index(places.len())];
        let mut damaged = state[..place].to_owned();
        if !cut {
            damaged.push(with);
            damaged.extend(state[place..].chars().skip(1));
        }
        if let Some(task) = Task::from_state(&damaged) {
            let _ = task.due_at();
            let _ = task.is_gone(START);
        }
    }

    /// X-LIM-02: a message is cut at the boundary of a code point, and only where it is too long.
    #[test]
    fn a_message_is_cut_at_a_code_point(message in "[a🎨é]{0,60}", times in 1usize..80) {
        let message = message.repeat(times);
        let mut task = task();
        task.set_message(&message);
        prop_assert!(message.starts_with(&task.message));
        prop_assert!(task.message.len() <= MESSAGE_BYTES);
        prop_assert!(task.message.len() > MESSAGE_BYTES - 4 || task.message == message);
    }
}

/// H17: no arithmetic on times overflows.
#[test]
fn extreme_times_are_harmless() {
    for (created_at, ttl) in [(i64::MAX, u64::MAX), (i64::MIN, u64::MAX), (0, u64::MAX), (i64::MAX, 1)] {
        let task = Task { created_at, updated_at: created_at, ttl: Some(ttl), ..task() };
        assert!(task.expires_at() >= Some(created_at));
        assert!(!task.is_gone(i64::MIN));
        assert_eq!(Task::from_state(&task.to_state()), Some(task));
    }
}
