//! The requestor for JavaScript; `pkg-template/src/client/host.ts` is the other side.

use std::cell::RefMut;

use wasm_bindgen::prelude::*;

use super::held::Held;
use super::words::{Ending, Preference, Problem, RequestMethod, Source, TaskStatus};
use super::writer::{Assembler, Assembling};
use mcp_longhaul::method::{CallMethod, Methods};
use mcp_longhaul::requestor::{
    self, Answer, Answered, Bounds, CallFacts, Declared, Entry, Options, Output, Reply, Snapshot,
};
use mcp_longhaul::task::Millis;
use mcp_longhaul::wire::{Generation, Support, write_listen, write_offer, write_request};

#[wasm_bindgen]
extern "C" {
    /// What the requestor asks of its host; twin of `RequestorHost` in `client/host.ts`. No method throws; each may
    /// call back in.
    pub type RequestorHost;

    /// The message that is put together next has holes for answers of this task.
    #[wasm_bindgen(method, js_name = "beginAnswers")]
    fn begin_answers(this: &RequestorHost, task: u32);
    /// The offer was put together.
    #[wasm_bindgen(method, js_name = "sendCall")]
    fn send_call(this: &RequestorHost, call: u32, offer: bool);
    #[wasm_bindgen(method)]
    fn list(this: &RequestorHost, request: u32, cursor: Option<&str>);
    /// The `params` were put together.
    #[wasm_bindgen(method)]
    fn ask(this: &RequestorHost, request: u32, task: u32, method: RequestMethod);
    /// The `params` were put together.
    #[wasm_bindgen(method)]
    fn listen(this: &RequestorHost, request: u32);
    #[wasm_bindgen(method)]
    fn unlisten(this: &RequestorHost, request: u32);
    #[wasm_bindgen(method)]
    fn forward(this: &RequestorHost, call: u32);
    #[wasm_bindgen(method, js_name = "hangUp")]
    fn hang_up(this: &RequestorHost, call: u32);
    #[wasm_bindgen(method)]
    fn created(this: &RequestorHost, call: u32, task: u32);
    #[wasm_bindgen(method)]
    fn changed(this: &RequestorHost, task: u32, payload: u32, progress: bool);
    #[wasm_bindgen(method)]
    fn hold(this: &RequestorHost, task: u32, payload: u32);
    #[wasm_bindgen(method)]
    fn prompt(this: &RequestorHost, task: u32, key: &str, again: bool);
    #[wasm_bindgen(method)]
    fn withdraw(this: &RequestorHost, task: u32, key: &str);
    #[wasm_bindgen(method, js_name = "dropInput")]
    fn drop_input(this: &RequestorHost, task: u32, key: &str);
    #[wasm_bindgen(method)]
    fn report(this: &RequestorHost, task: u32, key: &str, problem: Problem);
    #[wasm_bindgen(method)]
    fn refused(this: &RequestorHost, task: u32, payload: u32);
    #[wasm_bindgen(method)]
    fn dismiss(this: &RequestorHost, task: u32, key: &str);
    /// `status`: where it is known.
    #[wasm_bindgen(method)]
    fn ended(this: &RequestorHost, task: u32, ending: Ending, status: Option<TaskStatus>, payload: u32);
    #[wasm_bindgen(method, js_name = "answerReply")]
    fn answer_reply(this: &RequestorHost, call: u32);
    #[wasm_bindgen(method, js_name = "answerOutcome")]
    fn answer_outcome(this: &RequestorHost, call: u32, task: u32);
    #[wasm_bindgen(method, js_name = "answerLocal")]
    fn answer_local(this: &RequestorHost, call: u32, ending: Ending);
    /// `status`: where it is known; `error`: why the task was not cancelled.
    #[wasm_bindgen(method)]
    fn cancelled(this: &RequestorHost, waiter: u32, status: Option<TaskStatus>, error: Option<Ending>);
    #[wasm_bindgen(method)]
    fn forget(this: &RequestorHost, task: u32);
}

/// How soon a new task is first read, in ms.
const FIRST_READ: u32 = 20;

/// A requestor, under the number that the host has given it.
struct Requestor {
    core: requestor::Requestor,
    /// The `inputRequests` of the snapshot that comes next.
    entries: Option<Vec<Entry>>,
}

thread_local! {
    static REQUESTORS: Held<Requestor> = Held::default();
}

/// The requestor is borrowed for one call of the core, never while the host runs.
fn held(requestor: u32) -> RefMut<'static, Requestor> {
    REQUESTORS.with(|requestors| requestors.borrow(requestor))
}

/// Makes a requestor; [`step`] through its outputs after every input. No number is given twice, whatever becomes of
/// this instance. `max_age` NaN: the task's time to live.
#[wasm_bindgen(js_name = "makeRequestor")]
pub fn make_requestor(
    requestor: u32,
    min: u32,
    max: u32,
    initial: u32,
    max_age: f64,
    request_timeout: u32,
    listen: bool,
    seed: f64,
    methods: u8,
) {
    let options = Options {
        bounds: Bounds { min, max, initial },
        max_age: count(max_age),
        request_timeout,
        listen,
        first_read: FIRST_READ,
        seed: seed.to_bits(),
    };
    let mut core = requestor::Requestor::new(options);
    core.offer_for(Methods::from_bits(methods));
    REQUESTORS.with(|requestors| requestors.insert(requestor, Requestor { core, entries: None }));
}

/// The requestor is not needed any longer.
#[wasm_bindgen(js_name = "freeRequestor")]
pub fn free_requestor(requestor: u32) {
    REQUESTORS.with(|requestors| requestors.remove(requestor));
}

/// Hands the next output, if there is one, to the host. Answers NaN where there are more, and otherwise the next
/// deadline, infinite for none. The host steps, and not a loop in here: what it does may trap, and then nothing may go
/// on in this instance.
#[wasm_bindgen]
pub fn step(requestor: u32, host: &RequestorHost, assembler: &Assembler) -> f64 {
    let output = held(requestor).core.poll_output();
    if let Some(output) = output {
        hand_over(requestor, output, host, assembler);
    }
    let core = &held(requestor).core;
    if core.has_output() {
        return f64::NAN;
    }
    core.next_deadline().map_or(f64::INFINITY, |at| at as f64)
}

/// Puts together the error for a task, or a call, that ended so and brought none of its own.
#[wasm_bindgen(js_name = "writeError")]
pub fn write_error(ending: Ending, task: Option<String>, assembler: &Assembler) {
    if let Some(ending) = ending.into() {
        requestor::Ending::write(ending, task.as_deref(), &mut Assembling { assembler, named: false });
    }
}

#[wasm_bindgen]
pub fn followed(requestor: u32) -> usize {
    held(requestor).core.followed()
}

/// `generation`: of the session; `extension`: whether it was declared, where a declaration was seen. Answers whether a
/// call may become a task.
#[wasm_bindgen]
pub fn server(requestor: u32, generation: u8, methods: u8, cancel: bool, extension: Option<bool>) -> bool {
    let methods = Methods::from_bits(methods);
    let core = &mut held(requestor).core;
    core.handle_declared(Declared { methods, cancel, extension });
    core.takes_tasks(Generation::from_number(generation))
}

#[wasm_bindgen]
pub fn tool(requestor: u32, tool: &str, support: &str) {
    held(requestor).core.handle_tool(tool, Support::named(support));
}

#[wasm_bindgen(js_name = "toolsComplete")]
pub fn tools_complete(requestor: u32) {
    held(requestor).core.handle_tools_complete();
}

#[wasm_bindgen(js_name = "toolsChanged")]
pub fn tools_changed(requestor: u32) {
    held(requestor).core.handle_tools_changed();
}

#[wasm_bindgen]
pub fn page(requestor: u32, now: f64, request: u32, next: Option<String>) {
    held(requestor).core.handle_page(millis(now), request.into(), next.as_deref());
}

#[wasm_bindgen(js_name = "pageLost")]
pub fn page_lost(requestor: u32, now: f64, request: u32) {
    held(requestor).core.handle_page_lost(millis(now), request.into());
}

/// `generation`: 0 where the call speaks none that knows tasks. `ttl` NaN: the server's.
#[expect(clippy::too_many_arguments, reason = "objects cost more at this boundary")]
#[wasm_bindgen]
pub fn call(
    requestor: u32,
    now: f64,
    call: u32,
    generation: u8,
    method: u8,
    tool: &str,
    preference: Preference,
    cancels: bool,
    ttl: f64,
) {
    let facts = facts(generation, method, tool, preference, cancels, ttl);
    held(requestor).core.handle_call(millis(now), call.into(), facts);
}

/// The call follows the task `id` of the generation `of`.
#[expect(clippy::too_many_arguments, reason = "objects cost more at this boundary")]
#[wasm_bindgen]
pub fn resume(
    requestor: u32,
    now: f64,
    call: u32,
    generation: u8,
    method: u8,
    tool: &str,
    cancels: bool,
    of: u8,
    id: &str,
) {
    let facts = facts(generation, method, tool, Preference::Prefer, cancels, f64::NAN);
    held(requestor).core.handle_resume(millis(now), call.into(), facts, Generation::from_number(of), id);
}

/// The snapshot that comes next has `inputRequests`; [`entry`] names each. `fingerprint`: a whole number below 2^53.
#[wasm_bindgen(js_name = "beginEntries")]
pub fn begin_entries(requestor: u32) {
    held(requestor).entries = Some(Vec::new());
}

#[wasm_bindgen]
pub fn entry(requestor: u32, key: &str, method: &str, fingerprint: f64) {
    if let Some(entries) = held(requestor).entries.as_mut() {
        entries.push(Entry { key: key.to_owned(), method: method.to_owned(), fingerprint: fingerprint as u64 });
    }
}

#[expect(clippy::too_many_arguments, reason = "objects cost more at this boundary")]
#[wasm_bindgen]
pub fn snapshot(
    requestor: u32,
    now: f64,
    from: Source,
    number: u32,
    id: &str,
    status: &str,
    ttl: f64,
    poll: f64,
    age: f64,
    has_result: bool,
    has_error: bool,
    moved: bool,
    payload: u32,
) {
    let Requestor { core, entries } = &mut *held(requestor);
    let entries = entries.take();
    let snapshot = Snapshot { id, status, ttl, poll, age, has_result, has_error, moved, inputs: entries.as_deref() };
    match from {
        Source::Call => core.handle_reply(millis(now), number.into(), Reply::Handle(snapshot), payload.into()),
        Source::Request => core.handle_answer(millis(now), number.into(), Answered::Snapshot(snapshot), payload.into()),
        _ => {
            let generation = u8::try_from(number).ok().and_then(Generation::from_number);
            if let Some(generation) = generation {
                core.handle_notification(millis(now), generation, &snapshot, payload.into());
            }
        }
    }
}

#[wasm_bindgen(js_name = "replyResult")]
pub fn reply_result(requestor: u32, now: f64, call: u32, is_error: bool, demands_task: bool) {
    held(requestor).core.handle_reply(millis(now), call.into(), Reply::Result { is_error, demands_task }, 0.into());
}

/// How long the caller waits for a sign of life, in ms.
#[wasm_bindgen]
pub fn silence(requestor: u32, call: u32, silence: u32) {
    held(requestor).core.handle_silence(call.into(), silence);
}

/// A result without any content of a tool.
#[wasm_bindgen(js_name = "replyEmpty")]
pub fn reply_empty(requestor: u32, now: f64, call: u32) {
    held(requestor).core.handle_reply(millis(now), call.into(), Reply::Empty, 0.into());
}

#[wasm_bindgen(js_name = "replyError")]
pub fn reply_error(requestor: u32, now: f64, call: u32, code: i32) {
    held(requestor).core.handle_reply(millis(now), call.into(), Reply::Error { code }, 0.into());
}

#[wasm_bindgen]
pub fn unsent(requestor: u32, call: u32) {
    held(requestor).core.handle_unsent(call.into());
}

#[wasm_bindgen]
pub fn abort(requestor: u32, now: f64, call: u32) {
    held(requestor).core.handle_abort(millis(now), call.into());
}

/// As `abort`, where giving up the call closes the exchange that its answer comes in.
#[wasm_bindgen(js_name = "hangUp")]
pub fn hang_up(requestor: u32, now: f64, call: u32) {
    held(requestor).core.handle_hang_up(millis(now), call.into());
}

#[wasm_bindgen]
pub fn detach(requestor: u32, now: f64, call: u32) {
    held(requestor).core.handle_detach(millis(now), call.into());
}

#[wasm_bindgen(js_name = "answerResult")]
pub fn answer_result(requestor: u32, now: f64, request: u32, is_error: bool, payload: u32) {
    held(requestor).core.handle_answer(millis(now), request.into(), Answered::Result { is_error }, payload.into());
}

/// A result without any content of a tool.
#[wasm_bindgen(js_name = "answerEmpty")]
pub fn answer_empty(requestor: u32, now: f64, request: u32, payload: u32) {
    held(requestor).core.handle_answer(millis(now), request.into(), Answered::Empty, payload.into());
}

#[wasm_bindgen(js_name = "answerError")]
pub fn answer_error(requestor: u32, now: f64, request: u32, code: i32, payload: u32) {
    held(requestor).core.handle_answer(millis(now), request.into(), Answered::Error { code }, payload.into());
}

#[wasm_bindgen]
pub fn lost(requestor: u32, now: f64, request: u32) {
    held(requestor).core.handle_answer(millis(now), request.into(), Answered::Lost, 0.into());
}

/// The stream `request` will push `task`.
#[wasm_bindgen]
pub fn accepted(requestor: u32, request: u32, task: u32) {
    held(requestor).core.handle_accepted(request.into(), task.into());
}

#[wasm_bindgen]
pub fn acknowledged(requestor: u32, now: f64, request: u32) {
    held(requestor).core.handle_acknowledged(millis(now), request.into());
}

#[wasm_bindgen]
pub fn input(requestor: u32, now: f64, task: u32, key: &str) {
    held(requestor).core.handle_input(millis(now), task.into(), key);
}

#[wasm_bindgen(js_name = "noInput")]
pub fn no_input(requestor: u32, task: u32, key: &str) {
    held(requestor).core.handle_no_input(task.into(), key);
}

/// So many prompts are over: their handlers have returned, whatever became of it.
#[wasm_bindgen(js_name = "promptsOver")]
pub fn prompts_over(requestor: u32, now: f64, count: u32) {
    for _ in 0..count {
        held(requestor).core.handle_prompt_over(millis(now));
    }
}

#[wasm_bindgen]
pub fn observers(requestor: u32, now: f64, task: u32, observers: u32) {
    held(requestor).core.handle_observers(millis(now), task.into(), observers);
}

#[wasm_bindgen]
pub fn cancel(requestor: u32, now: f64, waiter: u32, task: u32, await_terminal: bool) {
    held(requestor).core.handle_cancel(millis(now), waiter.into(), task.into(), await_terminal);
}

#[wasm_bindgen]
pub fn timer(requestor: u32, now: f64) {
    held(requestor).core.handle_timer(millis(now));
}

/// Something went wrong in the transport.
#[wasm_bindgen]
pub fn trouble(requestor: u32, now: f64) {
    held(requestor).core.handle_trouble(millis(now));
}

/// The server does not know the session any more.
#[wasm_bindgen(js_name = "sessionLost")]
pub fn session_lost(requestor: u32) {
    held(requestor).core.handle_session_lost();
}

/// The connection was closed, or the host follows no more.
#[wasm_bindgen]
pub fn close(requestor: u32, connection: bool) {
    let ending = if connection { requestor::Ending::Connection } else { requestor::Ending::Detached };
    held(requestor).core.handle_close(ending);
}

fn hand_over(requestor: u32, output: Output, host: &RequestorHost, assembler: &Assembler) {
    let mut writer = Assembling { assembler, named: false };
    match output {
        Output::Send { call, offer } => {
            let offered = if offer { held(requestor).core.offer(call) } else { None };
            if let Some((generation, ttl)) = offered {
                write_offer(generation, ttl, &mut writer);
            }
            host.send_call(call.get(), offer);
        }
        Output::List { request, cursor } => host.list(request.get(), cursor.as_deref()),
        Output::Ask { request, task, method, keys } => {
            let about = held(requestor).core.task(task).map(|(generation, id)| (generation, id.to_owned()));
            if let Some((generation, id)) = about {
                if !keys.is_empty() {
                    host.begin_answers(task.get());
                }
                write_request(generation, method, &id, &keys, &mut writer);
                host.ask(request.get(), task.get(), method.into());
            }
        }
        Output::Listen { request, ids } => {
            write_listen(&ids, &mut writer);
            host.listen(request.get());
        }
        Output::Unlisten { request } => host.unlisten(request.get()),
        Output::Forward { call } => host.forward(call.get()),
        Output::HangUp { call } => host.hang_up(call.get()),
        Output::Created { call, task } => host.created(call.get(), task.get()),
        Output::Changed { task, payload, progress } => host.changed(task.get(), payload.get(), progress),
        Output::Hold { task, payload } => host.hold(task.get(), payload.get()),
        Output::Prompt { task, key, again } => host.prompt(task.get(), &key, again),
        Output::Withdraw { task, key } => host.withdraw(task.get(), &key),
        Output::Drop { task, key } => host.drop_input(task.get(), &key),
        Output::Report { task, key, problem } => host.report(task.get(), &key, problem.into()),
        Output::Refused { task, payload } => host.refused(task.get(), payload.get()),
        Output::Dismiss { task, key } => host.dismiss(task.get(), &key),
        Output::Ended { task, ending, status, payload, .. } => {
            host.ended(task.get(), ending.into(), status.map(TaskStatus::from), payload.unwrap_or_default().get());
        }
        Output::Answer { call, answer: Answer::Reply } => host.answer_reply(call.get()),
        Output::Answer { call, answer: Answer::Outcome(task) } => host.answer_outcome(call.get(), task.get()),
        Output::Answer { call, answer: Answer::Local(ending) } => host.answer_local(call.get(), ending.into()),
        Output::Cancelled { waiter, status, error } => {
            host.cancelled(waiter.get(), status.map(TaskStatus::from), error.map(Ending::from));
        }
        Output::Forget { task } => host.forget(task.get()),
    }
}

fn millis(now: f64) -> Millis {
    // `as` saturates.
    now as Millis
}

fn count(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

fn facts(generation: u8, method: u8, tool: &str, preference: Preference, cancels: bool, ttl: f64) -> CallFacts<'_> {
    let generation = Generation::from_number(generation);
    let method = CallMethod::from_repr(method).unwrap_or_default();
    let preference = Option::from(preference).unwrap_or(requestor::Preference::Prefer);
    CallFacts { generation, method, tool, preference, cancels, ttl: count(ttl) }
}
