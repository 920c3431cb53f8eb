//! Which calls become tasks, and what a handle must look like.

use mcp_longhaul::method::{CallMethod, Methods};
use mcp_longhaul::requestor::{
    Answer, CallFacts, Declared, Ending, Output, Preference, Reply, RequestNumber, Requestor, Snapshot,
};
use mcp_longhaul::wire::{Generation, Method, Name, Part, Status, Support, Writer, error, write_offer, write_request};

use super::{SERVER, World, answers, ending, sent, snapshot};

fn offered(outputs: &[Output]) -> Option<bool> {
    outputs.iter().find_map(|output| match output {
        Output::Send { offer, .. } => Some(*offer),
        _ => None,
    })
}

/// G25-TLN-03, G25-TLN-05, G25-TLN-06: the tool and the caller decide together.
#[test]
fn the_tool_and_the_preference_decide_in_2025() {
    use Preference::{Allow, Forbid, Prefer, Require};
    let table = [
        ("forbidden", Forbid, Some(false)),
        ("forbidden", Allow, Some(false)),
        ("forbidden", Prefer, Some(false)),
        ("forbidden", Require, None),
        ("unlisted", Prefer, Some(false)),
        ("optional", Forbid, Some(false)),
        ("optional", Allow, Some(false)),
        ("optional", Prefer, Some(true)),
        ("optional", Require, Some(true)),
        ("required", Allow, Some(true)),
        ("required", Prefer, Some(true)),
        ("required", Require, Some(true)),
        // A caller that forbids tasks sees the server's own error.
        ("required", Forbid, Some(false)),
    ];
    for (tool, preference, expected) in table {
        let outputs = World::new().call(1, Generation::G25, tool, preference);
        assert_eq!(offered(&outputs), expected, "{tool} {preference:?}");
        if expected.is_none() {
            assert_eq!(answers(&outputs), [(1, Answer::Local(Ending::Unsupported))]);
        }
    }
}

/// G25-CAP-03, G25-CAP-04, G25-TLN-02: nothing is augmented that the server did not declare; its tools are not even
/// asked.
#[test]
fn without_the_declaration_nothing_is_augmented() {
    let mut world = World::new();
    world.requestor.handle_declared(Declared { methods: Methods::NONE, cancel: true, extension: None });
    world.requestor.handle_tool("required", Support::Required);
    assert_eq!(
        world.call(1, Generation::G25, "required", Preference::Prefer),
        [Output::Send { call: 1.into(), offer: false }]
    );
    let refused = world.call(2, Generation::G25, "required", Preference::Require);
    assert_eq!(answers(&refused), [(2, Answer::Local(Ending::Unsupported))]);
}

/// G25-CAP-10: a version without tasks has none, whatever is declared.
#[test]
fn other_versions_have_no_tasks() {
    let mut world = World::new();
    let facts = CallFacts {
        generation: None,
        method: CallMethod::ToolsCall,
        tool: "required",
        preference: Preference::Prefer,
        cancels: true,
        ttl: None,
    };
    assert_eq!(
        world.run(|r, now| r.handle_call(now, 1.into(), facts)),
        [Output::Send { call: 1.into(), offer: false }]
    );
}

/// G25-TLN-10: an unknown word counts as `forbidden`.
#[test]
fn unknown_support_is_forbidden() {
    assert_eq!(Support::named("maybe"), Support::Forbidden);
    assert_eq!(Support::named("optional"), Support::Optional);
}

/// G26-CAP-01: every call that may become a task declares it, and no other.
#[test]
fn in_2026_the_server_decides() {
    for (preference, offer) in [
        (Preference::Forbid, false),
        (Preference::Allow, true),
        (Preference::Prefer, true),
        (Preference::Require, true),
    ] {
        let outputs = World::new().call(1, Generation::G26, "forbidden", preference);
        assert_eq!(offered(&outputs), Some(offer), "{preference:?}");
    }
    let mut world = World::new();
    world.requestor.handle_declared(Declared { extension: Some(false), ..SERVER });
    let refused = world.call(1, Generation::G26, "any", Preference::Require);
    assert_eq!(answers(&refused), [(1, Answer::Local(Ending::Unsupported))]);
}

/// Writes what it gets as a path a field.
#[derive(Default)]
struct Paths {
    open: Vec<String>,
    seen: Vec<String>,
}

impl Paths {
    fn field(&mut self, name: &str, value: &str) {
        self.seen
            .push(format!("{}{name}={value}", self.open.iter().map(|part| format!("{part}.")).collect::<String>()));
    }
}

impl Writer for Paths {
    fn open(&mut self, name: Name) {
        self.field(name.as_str(), "{}");
        self.open.push(name.as_str().to_owned());
    }
    fn open_list(&mut self, name: Name) {
        self.open(name);
    }
    fn close(&mut self) {
        self.open.pop();
    }
    fn text(&mut self, name: Name, value: &str) {
        self.field(name.as_str(), value);
    }
    fn word(&mut self, name: Name, value: Name) {
        self.field(name.as_str(), value.as_str());
    }
    fn number(&mut self, name: Name, value: f64) {
        self.field(name.as_str(), &value.to_string());
    }
    fn null(&mut self, name: Name) {
        self.field(name.as_str(), "null");
    }
    fn instant(&mut self, name: Name, at: i64) {
        self.field(name.as_str(), &at.to_string());
    }
    fn part(&mut self, name: Name, _: Part) {
        self.field(name.as_str(), "part");
    }
    fn input(&mut self, key: &str) {
        self.field(key, "part");
    }
}

/// G25-CRE-01, G26-TLN-03, G26-CAP-01, G25-GET-06, G26-UPD-01: what each generation puts into its requests.
#[test]
fn requests_have_the_fields_of_their_generation_and_no_other() {
    let offer = |generation, ttl| {
        let mut paths = Paths::default();
        write_offer(generation, ttl, &mut paths);
        paths.seen
    };
    assert_eq!(offer(Generation::G25, None), ["task={}"]);
    assert_eq!(offer(Generation::G25, Some(60_000)), ["task={}", "task.ttl=60000"]);
    // The declaration of the extension: `client-2026.test.ts` sees what the host puts there.
    let extension = ["_meta=part"];
    assert_eq!(offer(Generation::G26, Some(60_000)), extension);

    let request = |generation, method, keys: &[String]| {
        let mut paths = Paths::default();
        write_request(generation, method, "t1", keys, &mut paths);
        paths.seen
    };
    for method in [Method::Get, Method::Result, Method::Cancel] {
        assert_eq!(request(Generation::G25, method, &[]), ["taskId=t1"]);
    }
    let mut expected = vec!["taskId=t1", "inputResponses={}", "inputResponses.a=part"];
    expected.extend(extension);
    assert_eq!(request(Generation::G26, Method::Update, &["a".to_owned()]), expected);
}

fn listing() -> World {
    let mut world = World::new();
    world.requestor.handle_tools_changed();
    world
}

fn listed(outputs: &[Output]) -> Option<(RequestNumber, Option<String>)> {
    outputs.iter().find_map(|output| match output {
        Output::List { request, cursor } => Some((*request, cursor.clone())),
        _ => None,
    })
}

/// G25-TLN-08, G25-TLN-09: unknown support is looked up before the call, once for all that wait, and again after a
/// change.
#[test]
fn the_list_is_read_before_the_first_call() {
    let mut world = listing();
    let (request, cursor) =
        listed(&world.call(1, Generation::G25, "slow", Preference::Prefer)).expect("the list is read first");
    assert_eq!(cursor, None);
    assert_eq!(world.call(2, Generation::G25, "quick", Preference::Prefer), []);
    let outputs = world.run(|r, now| {
        r.handle_tool("quick", Support::Forbidden);
        r.handle_page(now, request, Some(""));
    });
    // An empty cursor is a cursor.
    let (request, cursor) = listed(&outputs).expect("another page");
    assert_eq!(cursor.as_deref(), Some(""));
    let outputs = world.run(|r, now| {
        r.handle_tool("slow", Support::Optional);
        r.handle_page(now, request, None);
    });
    assert_eq!(outputs, [Output::Send { call: 1.into(), offer: true }, Output::Send { call: 2.into(), offer: false }]);
    assert_eq!(
        world.call(3, Generation::G25, "slow", Preference::Prefer),
        [Output::Send { call: 3.into(), offer: true }]
    );
    world.requestor.handle_tools_changed();
    assert!(listed(&world.call(4, Generation::G25, "slow", Preference::Prefer)).is_some());
}

/// G25-TLN-08: without a list the call is a plain one; a list without an end is given up.
#[test]
fn a_list_that_cannot_be_read_makes_plain_calls() {
    let mut world = listing();
    let (request, _) = listed(&world.call(1, Generation::G25, "slow", Preference::Prefer)).expect("a list");
    assert_eq!(world.run(|r, now| r.handle_page_lost(now, request)), [Output::Send { call: 1.into(), offer: false }]);

    // A list that is never answered holds up no call that can be a plain one: neither the first nor those after it.
    let mut world = listing();
    let began = world.now;
    let mut walks = 0;
    for call in 1..=100 {
        let mut outputs = world.call(call, Generation::G25, "slow", Preference::Prefer);
        walks += usize::from(listed(&outputs).is_some());
        let mut waited = 0;
        if offered(&outputs).is_none() {
            (waited, outputs) = world.wait();
        }
        assert_eq!(outputs, [Output::Send { call: call.into(), offer: false }]);
        assert!(waited <= 1000, "{waited} ms");
        world.pass(700);
    }
    assert!(
        walks > 1 && (walks as i64) <= (world.now - began) / 20_000,
        "{walks} walks, so that a server may come to its senses"
    );
    // Pages that come in time are waited for, and so is the list where the call needs it.
    let mut world = listing();
    let (mut request, _) = listed(&world.call(1, Generation::G25, "slow", Preference::Prefer)).expect("a list");
    for page in 0..5 {
        assert_eq!(world.pass(800), []);
        let outputs = world.run(|r, now| r.handle_page(now, request, Some(&format!("page {page}"))));
        request = listed(&outputs).expect("another page").0;
    }
    assert_eq!(world.call(2, Generation::G25, "slow", Preference::Require), []);
    assert_eq!(world.pass(20_000), [Output::Send { call: 1.into(), offer: false }]);
    let outputs = world.run(|r, now| {
        r.handle_tool("slow", Support::Optional);
        r.handle_page(now, request, None);
    });
    assert_eq!(outputs, [Output::Send { call: 2.into(), offer: true }]);

    let mut world = listing();
    let mut outputs = world.call(1, Generation::G25, "slow", Preference::Prefer);
    let mut pages = 0;
    while let Some((request, _)) = listed(&outputs) {
        pages += 1;
        assert!(pages < 5, "the same cursor again ends the walk");
        outputs = world.run(|r, now| r.handle_page(now, request, Some("again")));
    }
    assert_eq!(offered(&outputs), Some(false));

    let mut world = listing();
    let mut outputs = world.call(1, Generation::G25, "slow", Preference::Prefer);
    let mut pages = 0;
    while let Some((request, _)) = listed(&outputs) {
        pages += 1;
        outputs = world.run(|r, now| r.handle_page(now, request, Some(&format!("page {pages}"))));
    }
    assert!((50..=200).contains(&pages), "{pages} pages");
}

/// G25-TLN-08: after `-32601` the list is read once more and the call made once more, the other way, never a third
/// time.
#[test]
fn a_tool_that_changed_its_mind_is_called_once_more() {
    let refusals =
        [Reply::Error { code: error::METHOD_NOT_FOUND }, Reply::Result { is_error: true, demands_task: true }];
    for refusal in refusals {
        let mut world = World::new();
        assert_eq!(offered(&world.call(1, Generation::G25, "forbidden", Preference::Prefer)), Some(false));
        let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), refusal.clone(), 0.into()));
        let (request, _) = listed(&outputs).expect("the list is read again");
        let outputs = world.run(|r, now| {
            r.handle_tool("forbidden", Support::Required);
            r.handle_page(now, request, None);
        });
        assert_eq!(outputs, [Output::Send { call: 1.into(), offer: true }]);
        let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), refusal, 0.into()));
        assert_eq!(outputs, [Output::Answer { call: 1.into(), answer: Answer::Reply }]);
    }
    // The list says the same as before: nothing to try.
    let mut world = World::new();
    world.call(1, Generation::G25, "forbidden", Preference::Prefer);
    let outputs =
        world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Error { code: error::METHOD_NOT_FOUND }, 0.into()));
    let (request, _) = listed(&outputs).expect("a list");
    let outputs = world.run(|r, now| r.handle_page(now, request, None));
    assert_eq!(outputs, [Output::Answer { call: 1.into(), answer: Answer::Reply }]);
    // A caller that requires a task gets no plain call.
    let mut world = World::new();
    world.call(1, Generation::G25, "required", Preference::Require);
    let outputs =
        world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Error { code: error::METHOD_NOT_FOUND }, 0.into()));
    let (request, _) = listed(&outputs).expect("a list");
    let outputs = world.run(|r, now| r.handle_page(now, request, None));
    assert_eq!(answers(&outputs), [(1, Answer::Local(Ending::Unsupported))]);
    // Another error is the tool's own: a lost or failed creation is never repeated (X-CRE-01).
    let mut world = World::new();
    world.call(1, Generation::G25, "required", Preference::Prefer);
    let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Error { code: error::INTERNAL }, 0.into()));
    assert_eq!(outputs, [Output::Answer { call: 1.into(), answer: Answer::Reply }]);
}

/// G25-CRE-11: an augmented call is answered with a task or, by some servers, with the result at once; not with
/// nothing.
#[test]
fn an_augmented_call_is_answered_with_a_task_or_a_result() {
    let plain = Reply::Result { is_error: false, demands_task: false };
    let mut world = World::new();
    for (reply, answer) in [(Reply::Empty, Answer::Local(Ending::Protocol)), (plain.clone(), Answer::Reply)] {
        for preference in [Preference::Prefer, Preference::Require] {
            world.call(1, Generation::G25, "required", preference);
            let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), reply.clone(), 0.into()));
            assert_eq!(outputs, [Output::Answer { call: 1.into(), answer }]);
        }
    }
    world.call(2, Generation::G25, "forbidden", Preference::Prefer);
    let outputs = world.run(|r, now| r.handle_reply(now, 2.into(), plain.clone(), 0.into()));
    assert_eq!(outputs, [Output::Answer { call: 2.into(), answer: Answer::Reply }]);
    // In the newer generation both are right, each time (G26-CAP-07).
    for call in [3, 5] {
        world.call(call, Generation::G26, "any", Preference::Prefer);
        let outputs = world.run(|r, now| r.handle_reply(now, call.into(), plain.clone(), 0.into()));
        assert_eq!(outputs, [Output::Answer { call: call.into(), answer: Answer::Reply }]);
        let (_, outputs) = world.follow(call + 1, Generation::G26);
        assert!(answers(&outputs).is_empty());
    }
}

/// G26-CAP-09: a task that was not offered to be taken goes to the SDK as the invalid response it is.
#[test]
fn a_task_without_an_offer_is_not_followed() {
    let mut world = World::new();
    world.call(1, Generation::G26, "any", Preference::Forbid);
    let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(snapshot("t", "working")), 1.into()));
    assert_eq!(outputs, [Output::Answer { call: 1.into(), answer: Answer::Reply }]);
    assert_eq!(world.requestor.followed(), 0);
}

/// G26-CRE-09, X-LIM-06: a handle without an id, a known status or a sound time to live is refused.
#[test]
fn a_malformed_handle_is_refused() {
    let good = snapshot("t", "working");
    let cases = [
        Snapshot { id: "", ..good.clone() },
        Snapshot { status: "paused", ..good.clone() },
        Snapshot { ttl: f64::NAN, ..good.clone() },
        Snapshot { ttl: -1.0, ..good.clone() },
        Snapshot { ttl: 0.5, ..good.clone() },
        Snapshot { ttl: 1e300, ..good.clone() },
    ];
    for case in cases {
        let mut world = World::new();
        world.call(1, Generation::G26, "any", Preference::Prefer);
        let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(case.clone()), 1.into()));
        assert_eq!(outputs, [Output::Answer { call: 1.into(), answer: Answer::Local(Ending::Protocol) }], "{case:?}");
    }
    let mut world = World::new();
    world.call(1, Generation::G26, "any", Preference::Prefer);
    let endless = Snapshot { ttl: f64::INFINITY, ..good };
    assert!(
        !world
            .run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(endless), 1.into()))
            .contains(&Output::Answer { call: 1.into(), answer: Answer::Local(Ending::Protocol) })
    );
}

/// G26-CRE-05, H46: any seed is good; one that is not `working` is read at once.
#[test]
fn a_seed_may_have_any_status() {
    for status in ["input_required", "completed", "failed", "cancelled"] {
        let mut world = World::new();
        world.call(1, Generation::G26, "any", Preference::Prefer);
        let seed = Snapshot { has_result: false, has_error: false, ..snapshot("t", status) };
        let outputs = world.run(|r, now| r.handle_reply(now, 1.into(), Reply::Handle(seed), 1.into()));
        if status == "cancelled" {
            assert_eq!(ending(&outputs), Some((Ending::Cancelled, Some(Status::Cancelled))));
        } else {
            let request = sent(&outputs, Method::Get).expect("it is read at once");
            let outputs =
                world.answer(request, mcp_longhaul::requestor::Answered::Snapshot(snapshot("t", "completed")));
            assert_eq!(answers(&outputs).len(), 1);
        }
    }
}

/// X-GEN-07: a handle of another generation fails at once; nothing is sent.
#[test]
fn a_reference_to_another_generation_is_refused() {
    let facts = CallFacts {
        generation: Some(Generation::G26),
        method: CallMethod::ToolsCall,
        tool: "any",
        preference: Preference::Prefer,
        cancels: true,
        ttl: None,
    };
    for of in [Some(Generation::G25), None] {
        let mut world = World::new();
        let outputs = world.run(|r, now| r.handle_resume(now, 1.into(), facts, of, "t"));
        assert_eq!(outputs, [Output::Answer { call: 1.into(), answer: Answer::Local(Ending::Unsupported) }]);
    }
}

/// A resumed task is announced when it was found, and observers of one task share its reads (X-GET-03).
#[test]
fn resumed_tasks_share_one_follower() {
    let mut world = World::new();
    let facts = CallFacts {
        generation: Some(Generation::G26),
        method: CallMethod::ToolsCall,
        tool: "any",
        preference: Preference::Prefer,
        cancels: true,
        ttl: None,
    };
    let mut reads = Vec::new();
    for call in 1..=50 {
        let outputs =
            world.run(|r: &mut Requestor, now| r.handle_resume(now, call.into(), facts, Some(Generation::G26), "t"));
        reads.extend(sent(&outputs, Method::Get));
        assert!(!outputs.iter().any(|output| matches!(output, Output::Created { .. })));
    }
    assert_eq!(reads.len(), 1);
    let outputs = world.snapshot(reads[0], "t", "working");
    assert_eq!(outputs.iter().filter(|output| matches!(output, Output::Created { .. })).count(), 50);
    let (_, read) = world.wait_for(Method::Get);
    assert_eq!(answers(&world.snapshot(read, "t", "completed")).len(), 50);
    assert_eq!(world.requestor.followed(), 0);
    assert_eq!(world.requestor.next_deadline(), None);
}

/// G25-CAP-03, G26-TLN-02: where no call can become a task, none needs to be asked for.
#[test]
fn it_is_known_whether_any_call_may_become_a_task() {
    let mut world = World::new();
    let takes = |world: &World| {
        [None, Some(Generation::G25), Some(Generation::G26)].map(|generation| world.requestor.takes_tasks(generation))
    };
    assert_eq!(takes(&world), [false, true, true]);
    world.requestor.handle_declared(Declared { methods: Methods::NONE, ..SERVER });
    assert_eq!(takes(&world), [false, false, true]);
    world.requestor.offer_for(Methods::NONE);
    world.requestor.handle_declared(SERVER);
    assert_eq!(takes(&world), [false, false, true]);
}
