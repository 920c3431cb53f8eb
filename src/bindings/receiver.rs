//! The receiver for JavaScript.

use std::cell::RefMut;
use std::rc::Rc;
use std::str::Split;

use wasm_bindgen::prelude::*;

use super::entropy::Entropy;
use super::held::Held;
use super::receiver_host::{ReceiverHost, emit};
use super::writer::{Assembler, Assembling};
use mcp_longhaul::limit::{Act, Limits, Rate};
use mcp_longhaul::method::{CallMethod, Methods, Side};
use mcp_longhaul::receiver::{
    self, Augmentation, Called, Outcome, OutcomeCode, Policy, Promotion, RequestContext, RequestFault, Route, Shape,
    Support,
};
use mcp_longhaul::storage::{Completion, CompletionCode, Record};
use mcp_longhaul::task::{InputKind, Millis, OnLost};
use mcp_longhaul::wire::capability::Capabilities;
use mcp_longhaul::wire::{self, Generation, Method, error};

fn context(request: u32, peer: u32, generation: u8, flags: u8) -> RequestContext {
    RequestContext {
        request: request.into(),
        peer: peer.into(),
        generation: Generation::from_number(generation).unwrap_or(Generation::G26),
        capabilities: Capabilities::from_bits(flags),
        lists: flags & RequestContext::LISTS != 0,
    }
}

/// A receiver, under the number that the host has given it.
struct Receiver {
    core: receiver::Receiver,
    entropy: Entropy,
    nobody: Rc<str>,
    /// What was named for the next input.
    named: Vec<(String, Shape)>,
}

thread_local! {
    static RECEIVERS: Held<Receiver> = Held::default();
}

/// The receiver is borrowed for one call of the core, never while the host runs.
#[inline(never)]
fn held(receiver: u32) -> RefMut<'static, Receiver> {
    RECEIVERS.with(|receivers| receivers.borrow(receiver))
}

/// Makes a receiver; [`step`] through its outputs after every input. No number is given twice, whatever becomes of this
/// instance. `alone`: the host makes a server for a task that must run again without a connection. `options`: what ids
/// begin with; the name of this process, the same for every receiver in it; the limits, as they are read here, with 0
/// for any; for each act its interval in µs and its burst, 0 for any rate; the length of a lease in ms; how long the
/// store may take, in ms, or 0; the name of this process's clock; by how much others may differ, in ms; and the 16
/// bytes of the cursors' key. A space is between two of them.
#[wasm_bindgen(js_name = "makeReceiver")]
pub fn make_receiver(
    receiver: u32,
    alone: bool,
    cross_generation: bool,
    audited: bool,
    tells_requestors: bool,
    methods: u8,
    options: &str,
) {
    let mut options = options.split(' ');
    let (prefix, holder) = (options.next().unwrap_or_default(), options.next().unwrap_or_default());
    let options = &mut options;
    let mut limits = Limits {
        running_per_owner: small(options),
        running: small(options),
        outcome: small(options),
        outstanding: small(options),
        issued: small(options),
        page: small(options),
        stored: Some(small(options)).filter(|&limit| limit > 0),
        stored_bytes: Some(small(options)).filter(|&limit| limit > 0),
        creation_window: next(options),
        ..Limits::default()
    };
    for act in Act::ALL {
        limits.rates = limits.rates.with(act, Rate { interval: small(options), burst: small(options) });
    }
    let lease = next(options);
    let store_limit = Some(next(options)).filter(|&limit| limit > 0);
    let clock = options.next().unwrap_or_default();
    let skew = next(options);
    let mut core = receiver::Receiver::new(limits, cross_generation, std::array::from_fn(|_| next(options) as u8));
    core.offer(Methods::from_bits(methods));
    core.prefix_ids(prefix);
    core.audit(audited);
    core.tell_requestors(tells_requestors);
    core.lease(holder, lease);
    core.limit_store(store_limit);
    core.keep_time(clock, skew);
    if alone {
        core.run_alone();
    }
    let mut entropy = Entropy::default();
    // 48 bits tell writes apart, and every record holds them as digits.
    core.identify(u64::from_be_bytes(entropy.take()) >> 16);
    RECEIVERS
        .with(|receivers| receivers.insert(receiver, Receiver { core, entropy, nobody: "".into(), named: Vec::new() }));
}

/// The next option, a whole number.
fn next(options: &mut Split<char>) -> i64 {
    options.next().and_then(|option| option.parse().ok()).unwrap_or_default()
}

fn small(options: &mut Split<char>) -> u32 {
    next(options) as u32
}

/// Nobody needs the receiver any longer.
#[wasm_bindgen(js_name = "freeReceiver")]
pub fn free_receiver(receiver: u32) {
    RECEIVERS.with(|receivers| receivers.remove(receiver));
}

/// `promotion`: 0 always, 1 never, 2 after `after` ms, 3 by the handler. `support`: 0 forbidden, 1 optional,
/// 2 required. `ttl`: NaN for no end.
#[allow(clippy::too_many_arguments)]
#[wasm_bindgen]
pub fn policy(
    receiver: u32,
    promotion: u8,
    after: u32,
    support: u8,
    ttl: f64,
    max_ttl: f64,
    extends: bool,
    poll_interval: u32,
    cooperative: bool,
    restarts: u32,
    immediate: Option<String>,
) -> u32 {
    held(receiver).core.add_policy(Policy {
        promotion: match promotion {
            0 => Promotion::Always,
            1 => Promotion::Never,
            2 => Promotion::After(after),
            _ => Promotion::Handler,
        },
        support: match support {
            0 => Support::Forbidden,
            1 => Support::Optional,
            _ => Support::Required,
        },
        ttl: (!ttl.is_nan()).then_some(ttl as u64),
        max_ttl: max_ttl as u64,
        extends,
        poll_interval,
        cooperative,
        on_lost: if restarts > 0 { OnLost::Restart } else { OnLost::Fail },
        restarts,
        immediate: immediate.map(Into::into),
    })
}

/// Looks for what is due, now and from then on.
#[wasm_bindgen]
pub fn sweep(receiver: u32, now: f64) {
    held(receiver).core.handle_start(now as Millis);
}

/// A connection opens, or one of a receiver that is no more goes on under its number. The host numbers them from 1 up.
#[wasm_bindgen]
pub fn open(receiver: u32, peer: u32, owner: Option<String>, pipe: bool) {
    held(receiver).core.handle_open(peer.into(), owner.as_deref(), pipe);
}

#[wasm_bindgen]
pub fn close(receiver: u32, now: f64, peer: u32) {
    held(receiver).core.handle_close(now as Millis, peer.into());
}

/// `trace`: what `_meta.traceparent` says, or empty. `augmentation`: -3 absent, -2 invalid, -1 asked for, from 0 up
/// asked for with this time to live. `creation_key`: empty if it is not a text.
#[allow(clippy::too_many_arguments)]
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
    augmentation: f64,
    gate: bool,
    trace: String,
    creation_key: Option<String>,
) {
    let augmentation = match augmentation {
        -3.0 => Augmentation::Absent,
        -1.0 => Augmentation::Asked { ttl: None },
        ttl if ttl >= 0.0 => Augmentation::Asked { ttl: Some(ttl as u64) },
        _ => Augmentation::Invalid,
    };
    let method = CallMethod::from_repr(method).unwrap_or_default();
    let called = Called { method, tool, policy, augmentation, gate, trace, creation_key };
    let Receiver { core, entropy, .. } = &mut *held(receiver);
    core.handle_call(now as Millis, context(request, peer, generation, flags), called, entropy.take());
}

#[wasm_bindgen(js_name = "isPlain")]
pub fn is_plain(receiver: u32, method: u8, policy: u32, generation: u8, flags: u8) -> bool {
    let method = CallMethod::from_repr(method).unwrap_or_default();
    let context = context(0, 0, generation, flags);
    held(receiver).core.is_plain(method, policy, context.generation, context.capabilities)
}

#[wasm_bindgen]
pub fn begin(receiver: u32, now: f64, call: u32) {
    held(receiver).core.handle_begin(now as Millis, call.into());
}

#[wasm_bindgen]
pub fn promote(receiver: u32, now: f64, call: u32) {
    held(receiver).core.handle_promote(now as Millis, call.into());
}

#[wasm_bindgen]
pub fn creating(receiver: u32, call: u32) -> bool {
    held(receiver).core.is_creating(call.into())
}

#[wasm_bindgen(js_name = "mayBeTask")]
pub fn may_be_task(receiver: u32, call: u32) -> bool {
    held(receiver).core.may_be_task(call.into())
}

#[wasm_bindgen]
pub fn dropped(receiver: u32, now: f64, call: u32, closed: bool) -> bool {
    held(receiver).core.handle_dropped(now as Millis, call.into(), closed)
}

/// Names something for the next input, with a number that says more of it: texts cross one by one.
#[wasm_bindgen]
pub fn name(receiver: u32, name: String, number: u8) {
    held(receiver).named.push((name, Shape(number)));
}

/// A handler ended. What it asks was named, each with its kind as [`input_kind`] gives it; of a failure, what it says of
/// itself.
#[wasm_bindgen]
pub fn ended(
    receiver: u32,
    now: f64,
    call: u32,
    #[wasm_bindgen(unchecked_param_type = "codes.OutcomeCode")] outcome: u8,
    size: u32,
    code: f64,
) {
    let how = OutcomeCode::from_repr(outcome).unwrap_or(OutcomeCode::NotJson);
    let Receiver { core, named, .. } = &mut *held(receiver);
    let mut requests = Vec::new();
    for (name, kind) in std::mem::take(named) {
        requests.push((name, kind_of(kind.0)));
    }
    if let (OutcomeCode::ToolFailed | OutcomeCode::Error, Some((said, _))) = (how, requests.first()) {
        core.handle_said(call.into(), said);
    }
    let outcome = match how {
        OutcomeCode::Result => Outcome::Result { is_error: false, size },
        OutcomeCode::ToolFailed => Outcome::Result { is_error: true, size },
        OutcomeCode::Error if error::is_spoken(Generation::G26, code) => Outcome::Error { size },
        OutcomeCode::Error => Outcome::ReservedError { size },
        OutcomeCode::NotJson => Outcome::NotJson,
        OutcomeCode::Input => Outcome::Input { requests, state: false },
        OutcomeCode::InputWithState => Outcome::Input { requests, state: true },
    };
    core.handle_outcome(now as Millis, call.into(), outcome);
}

#[wasm_bindgen]
pub fn ask(receiver: u32, now: f64, call: u32, ask: u32, name: &str, kind: u8, own: bool) -> bool {
    let Some(kind) = kind_of(kind) else { return false };
    held(receiver).core.handle_input_request(now as Millis, call.into(), ask.into(), name, kind, own)
}

#[wasm_bindgen]
pub fn answer(receiver: u32, now: f64, ask: u32) -> bool {
    held(receiver).core.handle_answer(now as Millis, ask.into())
}

#[wasm_bindgen]
pub fn withdraw(receiver: u32, now: f64, call: u32, ask: u32) {
    held(receiver).core.handle_withdraw(now as Millis, call.into(), ask.into());
}

#[wasm_bindgen]
pub fn note(receiver: u32, now: f64, call: u32, message: &str) {
    held(receiver).core.handle_status_message(now as Millis, call.into(), message);
}

/// Where a handler's notification goes: -3 nowhere, -2 on the connection, -1 its ordinary way, else on the stream of
/// this request.
#[wasm_bindgen]
pub fn route(receiver: u32, call: u32) -> f64 {
    match held(receiver).core.route(call.into()) {
        Route::Nowhere => -3.0,
        Route::Connection => -2.0,
        Route::Ordinary => -1.0,
        Route::Stream(request) => f64::from(request.get()),
    }
}

/// A request whose method begins with `tasks/`, or a call that nests too deeply. `text`: the task's id, empty if not a
/// string, or the cursor. The keys of `inputResponses` were named, each with the shape of its value.
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
    let Receiver { core, named, .. } = &mut *held(receiver);
    let answers = std::mem::take(named);
    let id = text.as_deref().filter(|id| !id.is_empty());
    let fault = RequestFault::from_repr(fault).unwrap_or(RequestFault::Malformed);
    match (fault, Method::named(context.generation, method)) {
        (RequestFault::Unenveloped, _) => core.handle_unenveloped(now, context),
        (RequestFault::TooDeep, _) => core.handle_too_deep(now, context),
        (_, Some(Method::Get)) => core.handle_get(now, context, id),
        (_, Some(Method::Result)) => core.handle_result(now, context, id),
        (_, Some(Method::Cancel)) => core.handle_cancel(now, context, id),
        (RequestFault::Malformed, Some(Method::List)) => core.handle_list(now, context, Err(())),
        (_, Some(Method::List)) => core.handle_list(now, context, Ok(text.as_deref())),
        (_, Some(Method::Update)) => {
            core.handle_update(now, context, id, Some(answers).filter(|_| fault == RequestFault::None))
        }
        (_, None) => core.handle_unknown(now, context),
    }
}

/// `subscriptions/listen` with tasks, which were named. `until`: when its authorization is over; NaN for never.
#[allow(clippy::too_many_arguments)]
#[wasm_bindgen]
pub fn listen(receiver: u32, now: f64, request: u32, peer: u32, generation: u8, flags: u8, until: f64) {
    let until = (!until.is_nan()).then_some(until as Millis);
    let Receiver { core, named, .. } = &mut *held(receiver);
    let mut ids = Vec::new();
    for (id, _) in std::mem::take(named) {
        ids.push(id);
    }
    core.handle_listen(now as Millis, context(request, peer, generation, flags), ids, until);
}

/// The acknowledgement is out. `alone`: nothing else is subscribed to on its stream.
#[wasm_bindgen]
pub fn listening(receiver: u32, now: f64, request: u32, alone: bool) {
    held(receiver).core.handle_listening(now as Millis, request.into(), alone);
}

#[wasm_bindgen]
pub fn flow(receiver: u32, now: f64, request: u32, ready: bool) {
    held(receiver).core.handle_flow(now as Millis, request.into(), ready);
}

#[wasm_bindgen]
pub fn unlisten(receiver: u32, now: f64, request: u32) {
    held(receiver).core.handle_unlisten(now as Millis, request.into());
}

#[wasm_bindgen(js_name = "endListen")]
pub fn end_listen(receiver: u32, now: f64, request: u32) {
    held(receiver).core.handle_end_listen(now as Millis, request.into());
}

#[wasm_bindgen(js_name = "lapsesAt")]
pub fn lapses_at(receiver: u32, request: u32, at: f64) {
    held(receiver).core.handle_lapses_at(request.into(), at as Millis);
}

#[wasm_bindgen]
pub fn lapse(receiver: u32, now: f64, request: u32) {
    held(receiver).core.handle_lapse(now as Millis, request.into());
}

/// Writes what a stranger hears of a task into the assembler.
#[wasm_bindgen(js_name = "writeNotFound")]
pub fn write_not_found(assembler: &Assembler) {
    let body = wire::Body::Error(wire::Error::NotFound);
    wire::write(Generation::G26, &body, &mut Assembling { assembler, named: false });
}

/// The request that updates the task that `job` has read; 0 for none.
#[wasm_bindgen(js_name = "updateOf")]
pub fn update_of(receiver: u32, job: u32) -> u32 {
    held(receiver).core.update_of(job.into()).unwrap_or_default().get()
}

#[wasm_bindgen]
pub fn misfit(receiver: u32, job: u32, key: &str) {
    held(receiver).core.handle_misfit(job.into(), key);
}

#[wasm_bindgen]
pub fn gone(receiver: u32, now: f64, peer: u32) {
    held(receiver).core.handle_gone(now as Millis, peer.into());
}

#[wasm_bindgen]
pub fn undelivered(receiver: u32, ask: u32) {
    held(receiver).core.handle_undelivered(ask.into());
}

#[wasm_bindgen]
pub fn uncarried(receiver: u32, now: f64, ask: u32) {
    held(receiver).core.handle_uncarried(now as Millis, ask.into());
}

#[wasm_bindgen(js_name = "waitEnded")]
pub fn wait_ended(receiver: u32, now: f64, request: u32) {
    held(receiver).core.handle_wait_ended(now as Millis, request.into());
}

#[wasm_bindgen]
pub fn adopt(receiver: u32, now: f64, call: u32, peer: u32, generation: u8, flags: u8, id: &str) {
    held(receiver).core.handle_adopt(now as Millis, context(call, peer, generation, flags), id);
}

#[wasm_bindgen(js_name = "adoptAsk")]
pub fn adopt_ask(receiver: u32, now: f64, call: u32, ask: u32, key: &str) {
    held(receiver).core.handle_adopt_input_request(now as Millis, call.into(), ask.into(), key);
}

#[wasm_bindgen]
pub fn unstarted(receiver: u32, now: f64, call: u32) {
    held(receiver).core.handle_unstarted(now as Millis, call.into());
}

#[wasm_bindgen]
pub fn closing(receiver: u32, now: f64) {
    held(receiver).core.handle_closing(now as Millis);
}

#[wasm_bindgen]
pub fn leaving(receiver: u32, now: f64) {
    held(receiver).core.handle_leaving(now as Millis);
}

#[wasm_bindgen]
pub fn observing(receiver: u32) -> bool {
    held(receiver).core.is_observing()
}

#[wasm_bindgen]
pub fn quiet(receiver: u32) -> bool {
    held(receiver).core.is_quiet()
}

/// `version`: 0 where it is not known, or the task is deleted.
#[wasm_bindgen]
pub fn changed(receiver: u32, now: f64, owner: &str, id: &str, version: u32) {
    held(receiver).core.handle_changed(now as Millis, owner, id, Some(version).filter(|&version| version != 0));
}

#[wasm_bindgen]
pub fn deadline(receiver: u32, now: f64) {
    held(receiver).core.handle_deadline(now as Millis);
}

#[wasm_bindgen]
pub fn found(receiver: u32, now: f64, job: u32, version: u32, created_at: f64, state: String) {
    // The receiver remembers whose record it asked for.
    let Receiver { core, nobody, .. } = &mut *held(receiver);
    let record = Record {
        owner: Rc::clone(nobody),
        id: String::new(),
        version,
        created_at: created_at as Millis,
        due_at: None,
        state,
    };
    core.handle_completion(now as Millis, job.into(), Completion::Record(Some(record)));
}

#[wasm_bindgen]
pub fn used(receiver: u32, now: f64, job: u32, tasks: f64, bytes: f64) {
    complete(receiver, now, job, Completion::Usage { tasks: tasks as u64, bytes: bytes as u64 });
}

/// `records`: owner, id, version, creation time, due time (empty for never) and state of each, all ended by NUL, which
/// none of them holds: one text crosses faster than many. `full`: the store returned as many as were asked for.
#[wasm_bindgen]
pub fn rows(receiver: u32, now: f64, job: u32, records: &str, full: bool) {
    let Receiver { core, nobody, .. } = &mut *held(receiver);
    let mut fields = records.split('\0');
    let mut rows = Vec::new();
    while let (Some(owner), Some(id), Some(version), Some(created_at), Some(due_at), Some(state)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    {
        let (Ok(version), Ok(created_at)) = (version.parse(), created_at.parse()) else { continue };
        let owner = if owner.is_empty() { Rc::clone(nobody) } else { owner.into() };
        let due_at = due_at.parse().ok();
        rows.push(Record { owner, id: id.to_owned(), version, created_at, due_at, state: state.to_owned() });
    }
    core.handle_completion(now as Millis, job.into(), Completion::Records { records: rows, full });
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

/// Hands the next output to the host; whether there was one. The host may call back in: nothing is borrowed while it
/// runs, and it looks after each whether this instance is still the one to ask.
#[wasm_bindgen]
pub fn step(receiver: u32, host: &ReceiverHost, assembler: &Assembler) -> bool {
    let output = held(receiver).core.poll_output();
    let Some(output) = output else { return false };
    emit(&output, host, assembler);
    true
}

/// Writes what `initialize` answers under `capabilities.tasks` into the assembler.
#[wasm_bindgen]
pub fn capabilities(list: bool, methods: u8, assembler: &Assembler) {
    let methods = Methods::from_bits(methods);
    wire::capability::write_g25(Side::Server, methods, list, &mut Assembling { assembler, named: false });
}

fn complete(receiver: u32, now: f64, job: u32, completion: Completion) {
    held(receiver).core.handle_completion(now as Millis, job.into(), completion);
}

/// The number of the kind of input that a method asks for; 255 where nobody knows it.
#[wasm_bindgen(js_name = "inputKind")]
pub fn input_kind(method: &str, url: bool, tools: bool) -> u8 {
    wire::input_kind(method, url, tools).map_or(255, |kind| kind as u8)
}

fn kind_of(number: u8) -> Option<InputKind> {
    InputKind::ALL.into_iter().find(|&kind| kind as u8 == number)
}
