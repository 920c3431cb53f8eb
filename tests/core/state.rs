//! The text that a store keeps of a task, and of a creation key.

use mcp_longhaul::claim::Claim;
use mcp_longhaul::method::{CallMethod, TABLE};
use mcp_longhaul::state::{Form, Members, Unreadable};
use mcp_longhaul::task::{Failure, Input, InputKind, Lease, MESSAGE_BYTES, OnLost, Phase, Task};
use mcp_longhaul::wire::Generation;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::harness::{G25, G26, START};
use crate::properties::cases;

/// A task of a minute that works.
pub fn task() -> Task {
    Task {
        form: Form,
        generation: G26,
        phase: Phase::Working,
        failure: None,
        created_at: START,
        clock: "me".into(),
        keyed: false,
        updated_at: START,
        ttl: Some(60_000),
        poll_interval: 1000,
        method: CallMethod::ToolsCall,
        tool: "paint".into(),
        trace: String::new(),
        message: String::new(),
        cooperative: false,
        cancel_requested: false,
        extends: false,
        on_lost: OnLost::Fail,
        restarts: 0,
        issued: 0,
        write_id: 0,
        waits_since: None,
        inputs: Vec::new(),
        epoch: 1,
        lease: Some(Lease { holder: "me".into(), length: 90_000, unknown: Members::default() }),
        posts: 0,
        post_at: None,
        unknown: Members::default(),
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\0\u{fffd}0a]{0,6}",
        "[\\\\\t\n\r\0a🎨é-]{0,12}",
        Just(String::new()),
        Just("\\t".to_owned()),
        Just("\\\\0\\".to_owned())
    ]
}

fn generation() -> impl Strategy<Value = Generation> {
    prop_oneof![Just(G25), Just(G26)]
}

fn input() -> impl Strategy<Value = Input> {
    (text(), text(), prop::sample::select(InputKind::ALL.to_vec()), any::<bool>(), any::<bool>()).prop_map(
        |(key, name, kind, answered, in_result)| Input {
            key,
            name,
            kind,
            answered,
            in_result,
            unknown: Members::default(),
        },
    )
}

fn lease() -> impl Strategy<Value = Lease> {
    (text(), any::<i64>()).prop_map(|(holder, length)| Lease {
        holder: holder.into(),
        length,
        unknown: Members::default(),
    })
}

fn failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(Failure::ALL.to_vec())
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
            form: Form,
            generation, phase, failure, ttl, inputs, lease,
            created_at: times.0,
            clock: "me".into(),
            keyed: times.0 % 2 == 0,
            updated_at: times.0 + times.1,
            poll_interval: numbers.0,
            issued: numbers.1,
            write_id: numbers.2,
            waits_since: waited.map(|age| times.0 + age),
            method: TABLE[numbers.1 as usize % TABLE.len()].method,
            tool: texts.0,
            trace: texts.2,
            message: texts.1,
            cooperative: flags.0,
            cancel_requested: flags.1,
            extends: flags.2,
            on_lost: if flags.3 { OnLost::Restart } else { OnLost::Fail },
            restarts: numbers.0,
            epoch: numbers.3,
            posts: numbers.3 % 3,
            post_at: (numbers.3 % 2 == 0).then_some(times.1),
            unknown: Members::default(),
        }
    }
}

/// Members of another version's.
fn members() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!(null)),
        Just(json!(0.1)),
        Just(json!({ "deep": [[{ "é": [] }, {}]], "v": 7 })),
    ];
    prop::collection::vec(("[a-z\"\\\\é]{1,4}", value), 0..4)
        .prop_map(|members| members.into_iter().map(|(name, value)| (format!("later {name}"), value)).collect())
}

fn add(object: &mut Value, members: &Map<String, Value>) {
    object.as_object_mut().unwrap().extend(members.clone());
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// X-LIM-05, H62: any task comes back from its text as it was, whatever its texts and keys are; and no text that a
    /// database could refuse is in it.
    #[test]
    fn a_task_survives_its_text(task in any_task()) {
        let state = task.to_state();
        prop_assert!(!state.contains('\0') && !state.contains("\\u0000"));
        prop_assert_eq!(Task::from_state(&state), Ok(task));
    }

    /// Both directions of a rolling upgrade: what another version stored is kept when this one rewrites the record.
    #[test]
    fn unknown_members_survive_a_rewrite(task in any_task(), unknown in members(), nested in members()) {
        let mut stored: Value = serde_json::from_str(&task.to_state()).unwrap();
        add(&mut stored, &unknown);
        for input in stored.get_mut("inputs").and_then(Value::as_array_mut).into_iter().flatten() {
            add(input, &nested);
        }
        if task.lease.is_some() {
            add(&mut stored["lease"], &nested);
        }
        let read = Task::from_state(&stored.to_string()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&read.to_state()).unwrap(), stored);
        let known = |lease: Lease| Lease { unknown: Members::default(), ..lease };
        let inputs = read.inputs.iter().cloned().map(|input| Input { unknown: Members::default(), ..input }).collect();
        let lease = read.lease.clone().map(known);
        prop_assert_eq!(Task { unknown: Members::default(), lease, inputs, ..read }, task);
    }

    #[test]
    fn unknown_members_of_a_claim_survive_a_rewrite(unknown in members(), until: i64) {
        let (task, tool, clock) = ("t".into(), "paint".into(), "me".into());
        let (form, method, unknown_yet) = (Form, CallMethod::ToolsCall, Members::default());
        let claim = Claim { form, task, method, tool, clock, open_until: 1, until, unknown: unknown_yet };
        let mut stored: Value = serde_json::from_str(&claim.to_state()).unwrap();
        add(&mut stored, &unknown);
        let read = Claim::from_state(&stored.to_string()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&read.to_state()).unwrap(), stored);
    }

    /// Texts from elsewhere are refused or read, and never end the process.
    #[test]
    fn garbage_is_no_task(garbage in any::<String>()) {
        if let Ok(task) = Task::from_state(&garbage) {
            prop_assert_eq!(Task::from_state(&task.to_state()), Ok(task));
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
        if let Ok(task) = Task::from_state(&damaged) {
            let _ = task.due_at(START, 0);
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
        assert_eq!(Task::from_state(&task.to_state()), Ok(task));
    }
}

/// Tasks whose members are all there, and all different.
fn full() -> Task {
    let input = |number: i64, kind, answered, in_result| Input {
        key: format!("name-{number}"),
        name: "name".into(),
        kind,
        answered,
        in_result,
        unknown: Members::default(),
    };
    Task {
        form: Form,
        generation: G25,
        phase: Phase::InputRequired,
        failure: None,
        created_at: 1_800_000_000_001,
        clock: "fedcba9876543210".into(),
        keyed: true,
        updated_at: 1_800_000_000_002,
        ttl: Some(3_600_003),
        poll_interval: 1_004,
        method: CallMethod::ToolsCall,
        tool: "render \"é🎨\"\n".into(),
        trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
        message: "half\tdone \0 \u{fffd}".into(),
        cooperative: true,
        cancel_requested: true,
        extends: true,
        on_lost: OnLost::Restart,
        restarts: 5,
        issued: 6,
        write_id: 281_474_976_710_655,
        waits_since: Some(1_800_000_000_007),
        inputs: vec![
            input(1, InputKind::Elicit, false, false),
            input(2, InputKind::ElicitUrl, true, false),
            input(3, InputKind::Sample, false, true),
            input(4, InputKind::SampleWithTools, true, true),
            input(5, InputKind::Roots, false, false),
        ],
        epoch: 8,
        posts: 0,
        post_at: None,
        lease: Some(Lease { holder: "0123456789abcdef".into(), length: 30_009, unknown: Members::default() }),
        unknown: Members::default(),
    }
}

fn ended(phase: Phase, failure: Option<Failure>) -> Task {
    Task { phase, failure, lease: None, created_at: 1_800_000_000_001, updated_at: 1_800_000_000_002, ..task() }
}

fn claim() -> Claim {
    Claim {
        form: Form,
        task: "AbC-_9".into(),
        method: CallMethod::ToolsCall,
        tool: "render".into(),
        clock: "fedcba9876543210".into(),
        open_until: 1_800_000_000_001,
        until: 1_800_000_000_002,
        unknown: Members::default(),
    }
}

/// Everything that a stored text can say, by the name of its golden file.
fn samples() -> Vec<(&'static str, Task)> {
    let brief = Task { ttl: None, tool: String::new(), ..ended(Phase::Working, None) };
    vec![
        ("full", full()),
        ("brief", brief),
        ("completed", ended(Phase::Completed, None)),
        ("tool_failed", ended(Phase::ToolFailed, None)),
        ("failed", ended(Phase::Failed, None)),
        ("expired", ended(Phase::Failed, Some(Failure::Expired))),
        ("lost", ended(Phase::Failed, Some(Failure::Lost))),
        ("too_large", ended(Phase::Failed, Some(Failure::TooLarge))),
        ("not_json", ended(Phase::Failed, Some(Failure::NotJson))),
        ("unanswerable", ended(Phase::Failed, Some(Failure::Unanswerable))),
        ("reserved", ended(Phase::Failed, Some(Failure::Reserved))),
        ("cancelled", ended(Phase::Cancelled, None)),
        ("prompt", Task { method: CallMethod::PromptsGet, ..task() }),
        ("resource", Task { method: CallMethod::ResourcesRead, ..task() }),
        ("sampling", Task { method: CallMethod::SamplingCreateMessage, tool: String::new(), ..task() }),
        ("elicitation", Task { method: CallMethod::ElicitationCreate, tool: String::new(), ..task() }),
        ("untold", Task { posts: 2, post_at: Some(1_800_000_000_009), ..ended(Phase::Completed, None) }),
    ]
}

fn claims() -> Vec<(&'static str, Claim)> {
    vec![
        ("claim", claim()),
        ("claim_of_a_prompt", Claim { method: CallMethod::PromptsGet, ..claim() }),
        ("claim_given_up", Claim { task: String::new(), tool: String::new(), ..claim() }),
    ]
}

/// The golden texts of each released form, a line a sample: its name, then the text. The last file is what is written
/// now.
const GOLDEN: [(&str, &str); 2] = [("0.1", include_str!("golden/0.1.txt")), ("0.2", include_str!("golden/0.2.txt"))];

fn golden(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines().map(|line| line.split_once(' ').expect("a name and a text"))
}

/// What is written is what the last golden file holds. Whoever changes the form first releases a version that reads it;
/// then a golden file of its own is added, and the earlier ones stay.
#[test]
fn the_form_is_the_last_golden_one() {
    let written: Vec<(&str, String)> = samples()
        .into_iter()
        .map(|(name, task)| (name, task.to_state()))
        .chain(claims().into_iter().map(|(name, claim)| (name, claim.to_state())))
        .collect();
    let (release, file) = GOLDEN[GOLDEN.len() - 1];
    let expected: Vec<(&str, String)> = golden(file).map(|(name, text)| (name, text.to_owned())).collect();
    let lines: Vec<String> = written.iter().map(|(name, text)| format!("{name} {text}")).collect();
    assert!(
        written == expected,
        "The stored form is not the one of {release}. See tests/core/golden. It would be\n{}",
        lines.join("\n")
    );
}

/// Every form that was ever released is read, to the same tasks and claims.
#[test]
fn every_released_form_is_read() {
    for (release, file) in GOLDEN {
        for (name, text) in golden(file) {
            if let Some((_, claim)) = claims().into_iter().find(|(sample, _)| *sample == name) {
                assert_eq!(Claim::from_state(text), Ok(claim), "{name} of {release}");
                assert_eq!(Task::from_state(text), Err(Unreadable::Malformed), "{name} of {release}");
                continue;
            }
            let (_, task) = samples().into_iter().find(|(sample, _)| *sample == name).expect("a sample");
            assert_eq!(Task::from_state(text), Ok(task), "{name} of {release}");
            assert_eq!(Claim::from_state(text), Err(Unreadable::Malformed), "{name} of {release}");
        }
    }
}

/// A record of which only what makes a task is there has defaults for the rest.
#[test]
fn what_is_missing_has_defaults() {
    let brief = Task::from_state(r#"{"v":1,"rev":"2026-07-28","status":"working","created":5}"#).unwrap();
    let expected =
        Task { created_at: 5, clock: "".into(), updated_at: 5, ttl: None, tool: String::new(), lease: None, ..task() };
    assert_eq!(brief, expected);
}

/// What another version wrote is told from what nobody wrote, and neither is a task.
#[test]
fn what_cannot_be_read_says_why() {
    let state = Task { poll_interval: 1004, ..task() }.to_state();
    for (from, to) in
        [(r#""v":1"#, r#""v":2"#), (r#""v":1"#, r#""v":4294967296"#), (r#"{"v":1,"#, r#"{"v":9,"lease":7,"#)]
    {
        assert_eq!(Task::from_state(&state.replacen(from, to, 1)), Err(Unreadable::Newer), "{to}");
        assert_eq!(Claim::from_state(&claim().to_state().replacen(from, to, 1)), Err(Unreadable::Newer), "{to}");
    }
    let changes = [
        (r#""v":1,"#, ""),
        (r#""v":1"#, r#""v":0"#),
        (r#""v":1"#, r#""v":-1"#),
        (r#""v":1"#, r#""v":"1""#),
        (r#""status":"working""#, r#""status":"paused""#),
        (r#""status":"working""#, r#""status":null"#),
        (r#""rev":"2026-07-28""#, r#""rev":"2027-03-14""#),
        (r#""poll":1004"#, r#""poll":-1"#),
        (r#""poll":1004"#, r#""poll":1e3"#),
        (r#""poll":1004"#, r#""poll":1004,"poll":1004"#),
        (r#""poll":1004"#, r#""poll":1004,"onLost":"shrug""#),
        (r#""poll":1004"#, r#""poll":1004,"failure":"boredom""#),
        (r#""poll":1004"#, r#""poll":1004,"inputs":[{"key":"a-1","name":"a","kind":"telepathy"}]"#),
        (r#""holder":"me","#, ""),
        ("}", ""),
        ("{", "[{"),
    ];
    for (from, to) in changes {
        let changed = state.replacen(from, to, 1);
        assert_ne!(changed, state, "{from}");
        assert_eq!(Task::from_state(&changed), Err(Unreadable::Malformed), "{changed}");
    }
    for text in [
        "",
        "null",
        "{}",
        "[]",
        "1",
        "{\"v\":1}",
        "1\t26\tw",
        "\u{feff}{}",
        &"[".repeat(100_000),
        &state[..40],
        &format!("{state}x"),
    ] {
        assert_eq!(Task::from_state(text), Err(Unreadable::Malformed));
        assert_eq!(Claim::from_state(text), Err(Unreadable::Malformed));
    }
}
