import type { Assembler } from "../core/assembler.ts";
import type { Calls } from "./calls.ts";
import type { Input } from "./input.ts";
import type { RequestorHost } from "./port.ts";
import type { Streams } from "./streams.ts";
import type { Tasks } from "./tasks.ts";

/** What the requestor asks of its host, each from the part that does it. */
export function hostOf(
  assembler: Assembler,
  calls: Calls,
  tasks: Tasks,
  input: Input,
  streams: Streams,
): RequestorHost {
  return {
    assembler,
    beginAnswers: tasks.beginAnswers.bind(tasks),
    list: tasks.list.bind(tasks),
    ask: tasks.ask.bind(tasks),
    created: tasks.created.bind(tasks),
    changed: tasks.changed.bind(tasks),
    hold: tasks.hold.bind(tasks),
    dropInput: tasks.dropInput.bind(tasks),
    report: tasks.report.bind(tasks),
    refused: tasks.refused.bind(tasks),
    ended: tasks.ended.bind(tasks),
    cancelled: tasks.cancelled.bind(tasks),
    forget: tasks.forget.bind(tasks),
    sendCall: calls.sendCall.bind(calls),
    forward: calls.forward.bind(calls),
    hangUp: calls.hangUp.bind(calls),
    answerReply: calls.answerReply.bind(calls),
    answerOutcome: calls.answerOutcome.bind(calls),
    answerLocal: calls.answerLocal.bind(calls),
    listen: streams.listen.bind(streams),
    unlisten: streams.unlisten.bind(streams),
    prompt: input.prompt.bind(input),
    withdraw: input.withdraw.bind(input),
    dismiss: input.dismiss.bind(input),
  };
}
