//! The receiver for JavaScript.

use std::cell::RefMut;
use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::entropy::Entropy;
use super::held::Held;
use super::receiver_host::{ReceiverHost, emit};
use super::receiver_options::{self, Options};
use super::writer::{Assembler, Assembling};
use mcp_longhaul::method::{CallMethod, Methods, Side};
use mcp_longhaul::receiver::{
    self, Augmentation, AugmentationCode, Called, Outcome, OutcomeCode, Output, RequestContext, RequestFault, Route,
    Shape,
};
use mcp_longhaul::storage::{Completion, CompletionCode, Record};
use mcp_longhaul::task::{InputKind, Millis};
use mcp_longhaul::wire::capability::Capabilities;
use mcp_longhaul::wire::{self, Generation, Method, error};

/// `flags`: the bits of the capabilities, and `RequestContext::LISTS`.
fn context(request: u32, peer: u32, generation: u8, flags: u8) -> RequestContext {
    RequestContext {
        request: request.into(),
        peer: peer.into(),
        generation: Generation::from_number(generation).unwrap_or(Generation::G26),
        capabilities: Capabilities::from_bits(flags),
        lists: flags & RequestContext::LISTS != 0,
    }
}

/// A receiver, under the number that the host has given it. An input takes the time in ms since the epoch; what it
/// leads to is handed over by [`outputs`].
struct Receiver {
    core: receiver::Receiver,
    entropy: Entropy,
    /// The owner of records whose owner the core knows already.
    known: Rc<str>,
    /// What was named for the input that comes next.
    named: Vec<(String, u8)>,
    /// The rows of the operation that ends next.
    rows: Vec<Record>,
}

thread_local! {
    static RECEIVERS: Held<Receiver> = Held::default();
}

/// The receiver is borrowed for one call of the core, never while the host is called.
#[inline(never)]
fn held(receiver: u32) -> RefMut<'static, Receiver> {
    RECEIVERS.with(|receivers| receivers.borrow(receiver))
}

fn enter<T>(receiver: u32, input: impl FnOnce(&mut Receiver) -> T) -> T {
    input(&mut held(receiver))
}

/// Hands over what the inputs before have led to. The host takes note of it, and nothing is borrowed while it does.
/// `assembler`: where messages are written. Whether it is to be called again when the host has asked its store: what a
/// store answers at once needs no timer, so only then it says when to be woken.
#[wasm_bindgen]
pub fn outputs(receiver: u32, host: &ReceiverHost, assembler: &Assembler) -> bool {
    let mut stores = false;
    loop {
        let output = if stores { held(receiver).core.next_output() } else { held(receiver).core.poll_output() };
        let Some(output) = output else { return stores };
        stores |= matches!(output, Output::Store { .. });
        emit(&output, host, assembler);
    }
}

#[inline(never)]
fn complete(receiver: u32, now: f64, job: u32, completion: Completion) {
    enter(receiver, |receiver| receiver.core.handle_completion(now as Millis, job.into(), completion));
}

/// The receiver is not needed any longer.
#[wasm_bindgen(js_name = "freeReceiver")]
pub fn free_receiver(receiver: u32) {
    RECEIVERS.with(|receivers| receivers.remove(receiver));
}

/// Makes a receiver, under a number that nothing else was given, whatever becomes of this instance.
#[wasm_bindgen(js_name = "makeReceiver")]
pub fn make_receiver(receiver: u32, options: &Options) {
    let mut entropy = Entropy::default();
    let mut core = receiver_options::receiver(options);
    // 48 bits tell writes apart, and every record holds them as digits.
    core.identify(u64::from_be_bytes(entropy.take()) >> 16);
    RECEIVERS.with(|receivers| {
        receivers.insert(receiver, Receiver { core, entropy, known: "".into(), named: Vec::new(), rows: Vec::new() })
    });
}

/// The number under which calls name a policy.
#[wasm_bindgen(js_name = "addPolicy")]
pub fn add_policy(receiver: u32, policy: &Options) -> u32 {
    let policy = receiver_options::policy(policy);
    held(receiver).core.add_policy(policy)
}

/// Looks for what is due, now and from then on.
#[wasm_bindgen]
pub fn sweep(receiver: u32, now: f64) {
    enter(receiver, |inner| inner.core.handle_start(now as Millis));
}

/// A connection opens, or one of a receiver that is no more goes on under its number. The host numbers them from 1
/// up.
#[wasm_bindgen]
pub fn open(receiver: u32, peer: u32, owner: Option<String>, single_stream: bool) {
    held(receiver).core.handle_open(peer.into(), owner.as_deref(), single_stream);
}

#[wasm_bindgen]
pub fn close(receiver: u32, now: f64, peer: u32) {
    enter(receiver, |inner| inner.core.handle_close(now as Millis, peer.into()));
}

#[wasm_bindgen]
pub fn gone(receiver: u32, now: f64, peer: u32) {
    enter(receiver, |inner| inner.core.handle_gone(now as Millis, peer.into()));
}

/// `ttl`: what the requestor asked for, in ms; NaN for nothing. `trace`: what `_meta.traceparent` says, or empty.
/// `creation_key`: empty if it is not a text.
#[wasm_bindgen]
pub fn call(
    receiver: u32,
    now: f64,
    request: u32,
    peer: u32,
    generation: u8,
    flags: u8,
    method: u8,
    tool: String,
    policy: u32,
    #[wasm_bindgen(unchecked_param_type = "codes.AugmentationCode")] augmentation: u8,
    ttl: f64,
    gate: bool,
    trace: String,
    creation_key: Option<String>,
) {
    let augmentation = match AugmentationCode::from_repr(augmentation) {
        Some(AugmentationCode::Absent) => Augmentation::Absent,
        Some(AugmentationCode::Asked) => Augmentation::Asked { ttl: (!ttl.is_nan()).then_some(ttl as u64) },
        Some(AugmentationCode::Invalid) | None => Augmentation::Invalid,
    };
    let method = CallMethod::from_repr(method).unwrap_or_default();
    let called = Called { method, tool, policy, augmentation, gate, trace, creation_key };
    let context = context(request, peer, generation, flags);
    enter(receiver, |Receiver { core, entropy, .. }| {
        core.handle_call(now as Millis, context, called, entropy.take());
    });
}

#[wasm_bindgen(js_name = "isPlain")]
pub fn is_plain(receiver: u32, method: u8, policy: u32, generation: u8, flags: u8) -> bool {
    let method = CallMethod::from_repr(method).unwrap_or_default();
    let context = context(0, 0, generation, flags);
    held(receiver).core.is_plain(method, policy, context.generation, context.capabilities)
}

#[wasm_bindgen]
pub fn begin(receiver: u32, now: f64, call: u32) {
    enter(receiver, |inner| inner.core.handle_begin(now as Millis, call.into()));
}

#[wasm_bindgen]
pub fn promote(receiver: u32, now: f64, call: u32) {
    enter(receiver, |inner| inner.core.handle_promote(now as Millis, call.into()));
}

#[wasm_bindgen(js_name = "isCreating")]
pub fn is_creating(receiver: u32, call: u32) -> bool {
    held(receiver).core.is_creating(call.into())
}

#[wasm_bindgen(js_name = "mayBeTask")]
pub fn may_be_task(receiver: u32, call: u32) -> bool {
    held(receiver).core.may_be_task(call.into())
}

#[wasm_bindgen]
pub fn dropped(receiver: u32, now: f64, call: u32, closed: bool) -> bool {
    enter(receiver, |inner| inner.core.handle_dropped(now as Millis, call.into(), closed))
}

/// A handler ended. What an `input_required` result asks was named, each with its kind as [`input_kind`] gives it; of a
/// failure, what it says of itself. `error`: the code of a JSON-RPC error.
#[wasm_bindgen]
pub fn ended(
    receiver: u32,
    now: f64,
    call: u32,
    #[wasm_bindgen(unchecked_param_type = "codes.OutcomeCode")] outcome: u8,
    size: u32,
    error: f64,
) {
    let Receiver { core, named, .. } = &mut *held(receiver);
    let named = std::mem::take(named);
    let code = OutcomeCode::from_repr(outcome).unwrap_or(OutcomeCode::NotJson);
    if let (OutcomeCode::ToolFailed | OutcomeCode::Error, Some((said, _))) = (code, named.first()) {
        core.handle_said(call.into(), said);
    }
    let outcome = match code {
        OutcomeCode::Result => Outcome::Result { is_error: false, size },
        OutcomeCode::ToolFailed => Outcome::Result { is_error: true, size },
        OutcomeCode::Error if error::is_spoken(Generation::G26, error) => Outcome::Error { size },
        OutcomeCode::Error => Outcome::ReservedError { size },
        OutcomeCode::NotJson => Outcome::NotJson,
        OutcomeCode::Input | OutcomeCode::InputWithState => Outcome::Input {
            requests: named.into_iter().map(|(name, kind)| (name, InputKind::from_repr(kind))).collect(),
            state: code == OutcomeCode::InputWithState,
        },
    };
    core.handle_outcome(now as Millis, call.into(), outcome);
}

#[wasm_bindgen]
pub fn ask(receiver: u32, now: f64, call: u32, ask: u32, name: &str, kind: u8, own: bool) -> bool {
    let Some(kind) = InputKind::from_repr(kind) else { return false };
    enter(receiver, |inner| inner.core.handle_input_request(now as Millis, call.into(), ask.into(), name, kind, own))
}

#[wasm_bindgen]
pub fn answer(receiver: u32, now: f64, ask: u32) -> bool {
    enter(receiver, |inner| inner.core.handle_answer(now as Millis, ask.into()))
}

#[wasm_bindgen]
pub fn step(receiver: u32, now: f64, call: u32, step: u32, number: u32) {
    enter(receiver, |inner| inner.core.handle_step(now as Millis, call.into(), step.into(), number));
}

#[wasm_bindgen]
pub fn withdraw(receiver: u32, now: f64, call: u32, ask: u32) {
    enter(receiver, |inner| inner.core.handle_withdraw(now as Millis, call.into(), ask.into()));
}

#[wasm_bindgen]
pub fn undelivered(receiver: u32, ask: u32) {
    held(receiver).core.handle_undelivered(ask.into());
}

#[wasm_bindgen]
pub fn uncarried(receiver: u32, now: f64, ask: u32) {
    enter(receiver, |inner| inner.core.handle_uncarried(now as Millis, ask.into()));
}

#[wasm_bindgen(js_name = "setStatusMessage")]
pub fn set_status_message(receiver: u32, now: f64, call: u32, message: &str) {
    enter(receiver, |inner| inner.core.handle_status_message(now as Millis, call.into(), message));
}

/// Whether the requestor of the task may hear of this progress, by `progress` of the host.
#[wasm_bindgen]
pub fn progress(receiver: u32, now: f64, call: u32, progress: f64) -> bool {
    enter(receiver, |inner| inner.core.handle_progress(now as Millis, call.into(), progress))
}

/// Where a handler's notification goes: on the stream of this request, on the connection itself for 0, or for none,
/// nowhere. A call that is no task has its ordinary way ([`is_ordinary`]).
#[wasm_bindgen]
pub fn route(receiver: u32, call: u32) -> Option<u32> {
    match held(receiver).core.route(call.into()) {
        Route::Stream(request) => Some(request.get()),
        Route::Connection => Some(0),
        Route::Ordinary | Route::Nowhere => None,
    }
}

/// Whether the call is no task, so that what its handler sends goes its ordinary way.
#[wasm_bindgen(js_name = "isOrdinary")]
pub fn is_ordinary(receiver: u32, call: u32) -> bool {
    held(receiver).core.route(call.into()) == Route::Ordinary
}

/// A request whose method begins with `tasks/`, or a call that nests too deeply. `text`: the task's id, empty if not
/// a string, or the cursor. The keys of an update's answers were named, each with
/// the shape of its answer.
#[wasm_bindgen]
pub fn request(
    receiver: u32,
    now: f64,
    request: u32,
    peer: u32,
    generation: u8,
    flags: u8,
    method: &str,
    text: Option<String>,
    #[wasm_bindgen(unchecked_param_type = "codes.RequestFault")] fault: u8,
) {
    let context = context(request, peer, generation, flags);
    let now = now as Millis;
    let id = text.as_deref().filter(|id| !id.is_empty());
    let fault = RequestFault::from_repr(fault).unwrap_or(RequestFault::Malformed);
    enter(receiver, |Receiver { core, named, .. }| match (fault, Method::named(context.generation, method)) {
        (RequestFault::Unenveloped, _) => core.handle_unenveloped(now, context),
        (RequestFault::TooDeep, _) => core.handle_too_deep(now, context),
        (_, Some(Method::Get)) => core.handle_get(now, context, id),
        (_, Some(Method::Result)) => core.handle_result(now, context, id),
        (_, Some(Method::Cancel)) => core.handle_cancel(now, context, id),
        (RequestFault::Malformed, Some(Method::List)) => core.handle_list(now, context, Err(())),
        (_, Some(Method::List)) => core.handle_list(now, context, Ok(text.as_deref())),
        (RequestFault::Malformed, Some(Method::Update)) => core.handle_update(now, context, id, None),
        (_, Some(Method::Update)) => {
            let answers = named.drain(..).map(|(key, shape)| (key, Shape(shape))).collect();
            core.handle_update(now, context, id, Some(answers));
        }
        (_, None) => core.handle_unknown(now, context),
    });
}

/// `subscriptions/listen` with tasks. `until`: when its authorization is over; NaN for
/// never.
#[wasm_bindgen]
pub fn listen(receiver: u32, now: f64, request: u32, peer: u32, generation: u8, flags: u8, until: f64) {
    let until = (!until.is_nan()).then_some(until as Millis);
    let context = context(request, peer, generation, flags);
    enter(receiver, |Receiver { core, named, .. }| {
        let ids = named.drain(..).map(|(id, _)| id).collect();
        core.handle_listen(now as Millis, context, ids, until);
    });
}

/// The acknowledgement is out. `alone`: nothing else is subscribed to on its stream.
#[wasm_bindgen]
pub fn listening(receiver: u32, now: f64, request: u32, alone: bool) {
    enter(receiver, |inner| inner.core.handle_listening(now as Millis, request.into(), alone));
}

#[wasm_bindgen]
pub fn flow(receiver: u32, now: f64, request: u32, ready: bool) {
    enter(receiver, |inner| inner.core.handle_flow(now as Millis, request.into(), ready));
}

#[wasm_bindgen]
pub fn unlisten(receiver: u32, now: f64, request: u32) {
    enter(receiver, |inner| inner.core.handle_unlisten(now as Millis, request.into()));
}

#[wasm_bindgen(js_name = "endListen")]
pub fn end_listen(receiver: u32, now: f64, request: u32) {
    enter(receiver, |inner| inner.core.handle_end_listen(now as Millis, request.into()));
}

#[wasm_bindgen(js_name = "lapsesAt")]
pub fn lapses_at(receiver: u32, _now: f64, request: u32, at: f64) {
    enter(receiver, |inner| inner.core.handle_lapses_at(request.into(), at as Millis));
}

#[wasm_bindgen]
pub fn lapse(receiver: u32, now: f64, request: u32) {
    enter(receiver, |inner| inner.core.handle_lapse(now as Millis, request.into()));
}

#[wasm_bindgen(js_name = "waitEnded")]
pub fn wait_ended(receiver: u32, now: f64, request: u32) {
    enter(receiver, |inner| inner.core.handle_wait_ended(now as Millis, request.into()));
}

/// The request that updates the task that `job` has read; 0 for none.
#[wasm_bindgen(js_name = "updateOf")]
pub fn update_of(receiver: u32, job: u32) -> u32 {
    held(receiver).core.update_of(job.into()).unwrap_or_default().get()
}

/// The answer under `key` in the update for which `job` has read the task is not what was asked for.
#[wasm_bindgen]
pub fn misfit(receiver: u32, job: u32, key: &str) {
    held(receiver).core.handle_misfit(job.into(), key);
}

/// A call that runs goes on in a core that was started anew.
#[wasm_bindgen]
pub fn adopt(receiver: u32, now: f64, call: u32, peer: u32, generation: u8, flags: u8, id: &str) {
    let context = context(call, peer, generation, flags);
    enter(receiver, |inner| inner.core.handle_adopt(now as Millis, context, id));
}

#[wasm_bindgen(js_name = "adoptAsk")]
pub fn adopt_ask(receiver: u32, now: f64, call: u32, ask: u32, key: &str) {
    enter(receiver, |inner| inner.core.handle_adopt_input_request(now as Millis, call.into(), ask.into(), key));
}

#[wasm_bindgen]
pub fn posted(receiver: u32, now: f64, post: u32, done: bool) {
    enter(receiver, |inner| inner.core.handle_posted(now as Millis, post.into(), done));
}

#[wasm_bindgen]
pub fn unstarted(receiver: u32, now: f64, call: u32) {
    enter(receiver, |inner| inner.core.handle_unstarted(now as Millis, call.into()));
}

#[wasm_bindgen]
pub fn closing(receiver: u32, now: f64) {
    enter(receiver, |inner| inner.core.handle_closing(now as Millis));
}

#[wasm_bindgen]
pub fn leaving(receiver: u32, now: f64) {
    enter(receiver, |inner| inner.core.handle_leaving(now as Millis));
}

#[wasm_bindgen(js_name = "isObserving")]
pub fn is_observing(receiver: u32) -> bool {
    held(receiver).core.is_observing()
}

#[wasm_bindgen(js_name = "isQuiet")]
pub fn is_quiet(receiver: u32) -> bool {
    held(receiver).core.is_quiet()
}

/// `version`: 0 where it is not known, or the task is deleted.
#[wasm_bindgen]
pub fn changed(receiver: u32, now: f64, owner: &str, id: &str, version: u32) {
    let version = Some(version).filter(|&version| version != 0);
    enter(receiver, |inner| inner.core.handle_changed(now as Millis, owner, id, version));
}

#[wasm_bindgen]
pub fn deadline(receiver: u32, now: f64) {
    enter(receiver, |inner| inner.core.handle_deadline(now as Millis));
}

#[wasm_bindgen]
pub fn found(receiver: u32, now: f64, job: u32, version: u32, created_at: f64, state: String) {
    // The receiver remembers for which record it asked.
    let owner = Rc::clone(&held(receiver).known);
    let created_at = created_at as Millis;
    let record = Record { owner, id: String::new(), version, created_at, due_at: None, state };
    complete(receiver, now, job, Completion::Record(Some(record)));
}

/// Names something for the next input, with a code that says more of it.
#[wasm_bindgen]
pub fn name(receiver: u32, name: String, code: u8) {
    held(receiver).named.push((name, code));
}

/// A row that the next [`rows`] has. `owner`: empty where the core knows it. `due_at`: NaN for never.
#[wasm_bindgen]
pub fn row(receiver: u32, owner: String, id: String, version: u32, created_at: f64, due_at: f64, state: String) {
    let mut receiver = held(receiver);
    let owner = if owner.is_empty() { Rc::clone(&receiver.known) } else { owner.into() };
    let due_at = (!due_at.is_nan()).then_some(due_at as Millis);
    receiver.rows.push(Record { owner, id, version, created_at: created_at as Millis, due_at, state });
}

/// An operation of the store ended with the rows that were told of before. `full`: they are as many as were asked for.
#[wasm_bindgen]
pub fn rows(receiver: u32, now: f64, job: u32, full: bool) {
    let records = std::mem::take(&mut held(receiver).rows);
    complete(receiver, now, job, Completion::Records { records, full });
}

#[wasm_bindgen]
pub fn used(receiver: u32, now: f64, job: u32, tasks: f64, bytes: f64) {
    complete(receiver, now, job, Completion::Usage { tasks: tasks as u64, bytes: bytes as u64 });
}

/// An operation of the store ended that brought no rows.
#[wasm_bindgen]
pub fn completed(
    receiver: u32,
    now: f64,
    job: u32,
    #[wasm_bindgen(unchecked_param_type = "codes.CompletionCode")] code: u8,
) {
    let code = CompletionCode::from_repr(code).unwrap_or(CompletionCode::Failed);
    complete(receiver, now, job, code.into());
}

/// Writes the error that a stranger gets for a task into the assembler.
#[wasm_bindgen(js_name = "writeNotFound")]
pub fn write_not_found(assembler: &Assembler) {
    let body = wire::Body::Error(wire::Error::NotFound);
    wire::write(Generation::G26, &body, &mut Assembling { assembler, named: false });
}

/// Writes what `initialize` says under `capabilities.tasks` into the assembler: in its request on the side of a client,
/// in its answer on that of a server.
#[wasm_bindgen]
pub fn capabilities(client: bool, list: bool, methods: u8, assembler: &Assembler) {
    let side = if client { Side::Client } else { Side::Server };
    let methods = Methods::from_bits(methods);
    wire::capability::write_g25(side, methods, list, &mut Assembling { assembler, named: false });
}

/// The number of the kind of input that a method asks for; none for an unknown one.
#[wasm_bindgen(js_name = "inputKind")]
pub fn input_kind(method: &str, url: bool, tools: bool) -> Option<u8> {
    wire::input_kind(method, url, tools).map(|kind| kind as u8)
}
