//! What the receiver wants of JavaScript: its outputs, one typed call each.

use super::writer::{Assembler, Assembling};
use mcp_longhaul::receiver::{JobId, Output};
use mcp_longhaul::storage::{Operation, Payload, WriteCode};
use mcp_longhaul::wire;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Takes note of what the receiver wants; `ReceiverHost` in `receiver-host.ts`.
    pub type ReceiverHost;

    #[wasm_bindgen(method)]
    pub fn get(this: &ReceiverHost, job: u32, owner: &str, id: &str, payload: bool);
    /// The same for the task that this request names.
    #[wasm_bindgen(method)]
    pub fn read(this: &ReceiverHost, job: u32, request: u32, payload: bool);
    #[wasm_bindgen(method, js_name = "removePart")]
    pub fn remove_part(this: &ReceiverHost, job: u32, part: u8, key: &str);
    /// `part` is a `PartCode`, `source` a `SourceCode`; each with its key, the source with its number.
    #[wasm_bindgen(method, js_name = "setPart")]
    pub fn set_part(this: &ReceiverHost, job: u32, part: u8, key: &str, source: u8, number: u32, source_key: &str);
    /// `payload`: a `WriteCode`. `due_at`: NaN for never.
    #[wasm_bindgen(method)]
    pub fn put(
        this: &ReceiverHost,
        job: u32,
        owner: &str,
        id: &str,
        version: u32,
        created_at: f64,
        due_at: f64,
        state: &str,
        payload: u8,
    );
    #[wasm_bindgen(method)]
    pub fn delete(this: &ReceiverHost, job: u32, owner: &str, id: &str, version: u32);
    /// `after`: NaN for the beginning.
    #[wasm_bindgen(method)]
    pub fn list(this: &ReceiverHost, job: u32, owner: &str, after: f64, after_id: &str, limit: u32);
    /// `after`: NaN for the beginning.
    #[wasm_bindgen(method)]
    pub fn due(this: &ReceiverHost, job: u32, before: f64, after: f64, after_owner: &str, after_id: &str, limit: u32);
    #[wasm_bindgen(method)]
    pub fn usage(this: &ReceiverHost, job: u32, owner: &str);
    #[wasm_bindgen(method)]
    pub fn overdue(this: &ReceiverHost, job: u32);
    #[wasm_bindgen(method)]
    pub fn finish(this: &ReceiverHost, job: u32);

    /// An answer begins: the assembler is filled next. `job`: 0 for none.
    #[wasm_bindgen(method, js_name = "beginReply")]
    pub fn begin_reply(this: &ReceiverHost, request: u32, job: u32);
    /// `kind`: a `ReplyKind`.
    #[wasm_bindgen(method, js_name = "endReply")]
    pub fn end_reply(this: &ReceiverHost, request: u32, kind: u8);
    /// A notification begins: the assembler is filled next. `job`: 0 for none.
    #[wasm_bindgen(method, js_name = "beginNews")]
    pub fn begin_news(this: &ReceiverHost, request: u32, job: u32);
    /// It goes to a subscription.
    #[wasm_bindgen(method)]
    pub fn tell(this: &ReceiverHost, listen: u32);
    /// It goes to the requestor of a call. `stream`: 0 for the connection itself.
    #[wasm_bindgen(method, js_name = "tellRequestor")]
    pub fn tell_requestor(this: &ReceiverHost, call: u32, stream: u32);
    #[wasm_bindgen(method)]
    pub fn forward(this: &ReceiverHost, call: u32);
    #[wasm_bindgen(method)]
    pub fn bind(this: &ReceiverHost, call: u32, id: &str);
    #[wasm_bindgen(method)]
    pub fn begin(this: &ReceiverHost, call: u32);
    #[wasm_bindgen(method)]
    pub fn relay(this: &ReceiverHost, call: u32);
    #[wasm_bindgen(method)]
    pub fn progress(this: &ReceiverHost, call: u32);
    #[wasm_bindgen(method)]
    pub fn reject(this: &ReceiverHost, call: u32);
    /// `reason`: a `Stop`.
    #[wasm_bindgen(method)]
    pub fn abort(this: &ReceiverHost, call: u32, reason: u8, silently: bool);
    #[wasm_bindgen(method)]
    pub fn release(this: &ReceiverHost, call: u32);
    /// `stream`: 0 for the connection itself.
    #[wasm_bindgen(method)]
    pub fn deliver(this: &ReceiverHost, ask: u32, stream: u32);
    /// `from`: 0 where the handler's own request was answered.
    #[wasm_bindgen(method)]
    pub fn answered(this: &ReceiverHost, ask: u32, from: u32, key: &str);
    #[wasm_bindgen(method, js_name = "answeredElsewhere")]
    pub fn answered_elsewhere(this: &ReceiverHost, ask: u32, job: u32, key: &str);
    /// `reason`: a `Withdrawal`.
    #[wasm_bindgen(method)]
    pub fn withdraw(this: &ReceiverHost, ask: u32, delivered: bool, reason: u8);
    #[wasm_bindgen(method, js_name = "stepKept")]
    pub fn step_kept(this: &ReceiverHost, step: u32);
    /// `reason`: a `Withdrawal`.
    #[wasm_bindgen(method, js_name = "stepLost")]
    pub fn step_lost(this: &ReceiverHost, step: u32, reason: u8);
    /// The call that is restarted next has this answer, stored under `key`, for the question that its handler calls
    /// `name`.
    #[wasm_bindgen(method)]
    pub fn kept(this: &ReceiverHost, key: &str, name: &str);
    /// `on`: 0 for a server without a connection.
    #[allow(clippy::too_many_arguments)]
    #[wasm_bindgen(method)]
    pub fn restart(
        this: &ReceiverHost,
        call: u32,
        method: u8,
        on: u32,
        generation: u8,
        flags: u8,
        owner: &str,
        job: u32,
    );
    #[wasm_bindgen(method, js_name = "hangUp")]
    pub fn hang_up(this: &ReceiverHost, request: u32);
    #[wasm_bindgen(method)]
    pub fn forget(this: &ReceiverHost, request: u32);
    /// Something happened to a task: the host's `TaskEvent` as JSON, with the whole id.
    #[wasm_bindgen(method)]
    pub fn happened(this: &ReceiverHost, event: &str);
    /// A task has ended, and somebody is to be told: the event of its end, as `happened` tells it.
    #[wasm_bindgen(method)]
    pub fn post(this: &ReceiverHost, post: u32, attempt: u32, end: &str);
    /// `trouble`: a `Trouble`.
    #[wasm_bindgen(method)]
    pub fn trouble(this: &ReceiverHost, trouble: u8, id: &str);
    #[wasm_bindgen(method)]
    pub fn wake(this: &ReceiverHost, at: f64);
}

/// Hands one output over.
pub fn emit(output: &Output, host: &ReceiverHost, assembler: &Assembler) {
    match *output {
        Output::Store { job, ref operation } => store(host, job, operation),
        Output::Overdue { job } => host.overdue(job.get()),
        Output::Finish { job } => host.finish(job.get()),
        Output::Reply { request, generation, job, ref body } => {
            // The answer to a request that names a task is about that task.
            let named = matches!(body, wire::Body::State { .. });
            host.begin_reply(request.get(), job.unwrap_or_default().get());
            let kind = wire::write(generation, body, &mut Assembling { assembler, named });
            host.end_reply(request.get(), kind as u8);
        }
        Output::Tell { request, generation, job, ref news } => {
            host.begin_news(request.get(), job.unwrap_or_default().get());
            wire::write_news(generation, news, &mut Assembling { assembler, named: false });
            host.tell(request.get());
        }
        Output::TellRequestor { call, generation, stream, ref news } => {
            host.begin_news(call.get(), 0);
            wire::write_news(generation, news, &mut Assembling { assembler, named: false });
            host.tell_requestor(call.get(), stream.unwrap_or_default().get());
        }
        Output::Forward { call, .. } => host.forward(call.get()),
        Output::Bind { call, ref id } => host.bind(call.get(), id),
        Output::Begin { call } => host.begin(call.get()),
        Output::Relay { call } => host.relay(call.get()),
        Output::Progress { call } => host.progress(call.get()),
        Output::Reject { call } => host.reject(call.get()),
        Output::Abort { call, reason, silently } => host.abort(call.get(), reason as u8, silently),
        Output::Release { call } => host.release(call.get()),
        Output::Deliver { input, stream } => host.deliver(input.get(), stream.unwrap_or_default().get()),
        Output::AnsweredElsewhere { input, job, ref key } => host.answered_elsewhere(input.get(), job.get(), key),
        Output::Answered { input, ref from } => match from {
            Some((request, key)) => host.answered(input.get(), request.get(), key),
            None => host.answered(input.get(), 0, ""),
        },
        Output::Withdraw { input, delivered, reason } => host.withdraw(input.get(), delivered, reason as u8),
        Output::StepKept { step } => host.step_kept(step.get()),
        Output::StepLost { step, reason } => host.step_lost(step.get(), reason as u8),
        Output::Restart { call, method, on, context, ref owner, job, ref answers } => {
            for (key, name) in answers {
                host.kept(key, name);
            }
            host.restart(
                call.get(),
                method as u8,
                on.unwrap_or_default().get(),
                context.generation as u8,
                context.capabilities.bits(),
                owner,
                job.get(),
            );
        }
        Output::HangUp { request } => host.hang_up(request.get()),
        Output::Forget { request } => host.forget(request.get()),
        Output::Post { post, attempt, ref end } => host.post(post.get(), attempt, &end.to_json()),
        Output::Report { trouble, ref id } => host.trouble(trouble as u8, id),
        Output::Event(ref event) => host.happened(&event.to_json()),
        Output::Wake { at } => host.wake(at as f64),
    }
}

fn store(host: &ReceiverHost, job: JobId, operation: &Operation) {
    match operation {
        Operation::Get { payload, request: Some(request), .. } => host.read(job.get(), request.get(), *payload),
        Operation::Get { owner, id, payload, .. } => host.get(job.get(), owner, id, *payload),
        Operation::Put { record, payload } => {
            let mode = match payload {
                Payload::Keep => WriteCode::Keep,
                Payload::Write { onto_read, remove, set } => {
                    for part in remove {
                        let (part, key) = part.code();
                        host.remove_part(job.get(), part as u8, &key);
                    }
                    for (part, source) in set {
                        let (part, key) = part.code();
                        let (source, number, source_key) = source.code();
                        host.set_part(job.get(), part as u8, &key, source as u8, number, source_key);
                    }
                    if *onto_read { WriteCode::Edit } else { WriteCode::Replace }
                }
            };
            let due_at = record.due_at.map_or(f64::NAN, |at| at as f64);
            host.put(
                job.get(),
                &record.owner,
                &record.id,
                record.version,
                record.created_at as f64,
                due_at,
                &record.state,
                mode as u8,
            );
        }
        Operation::Delete { owner, id, version } => host.delete(job.get(), owner, id, *version),
        Operation::List { owner, after, limit } => match after {
            Some(position) => host.list(job.get(), owner, position.created_at as f64, &position.id, *limit),
            None => host.list(job.get(), owner, f64::NAN, "", *limit),
        },
        Operation::Due { before, after, limit } => match after {
            Some(place) => host.due(job.get(), *before as f64, place.due_at as f64, &place.owner, &place.id, *limit),
            None => host.due(job.get(), *before as f64, f64::NAN, "", "", *limit),
        },
        Operation::Usage { owner } => host.usage(job.get(), owner),
    }
}
