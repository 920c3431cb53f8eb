import type { PartCode, ReplyKind, SourceCode, Stop, Trouble, WriteCode, Withdrawal } from "../core/codes.ts";

/**
 * Takes note of what the receiver wants done; `src/bindings/receiver_host.rs` has the same methods, and says more of
 * them. None throws, and none calls into the core: an input is not over before all is noted.
 */
export interface ReceiverHost {
  get(job: number, owner: string, id: string, payload: boolean): void;
  read(job: number, request: number, payload: boolean): void;
  removePart(job: number, part: PartCode, key: string): void;
  setPart(job: number, part: PartCode, key: string, source: SourceCode, number: number, sourceKey: string): void;
  put(
    job: number,
    owner: string,
    id: string,
    version: number,
    createdAt: number,
    dueAt: number,
    state: string,
    payload: WriteCode,
  ): void;
  delete(job: number, owner: string, id: string, version: number): void;
  list(job: number, owner: string, after: number, afterId: string, limit: number): void;
  due(job: number, before: number, after: number, afterOwner: string, afterId: string, limit: number): void;
  usage(job: number, owner: string): void;
  overdue(job: number): void;
  finish(job: number): void;
  beginReply(request: number, job: number): void;
  endReply(request: number, kind: ReplyKind): void;
  beginNews(request: number, job: number): void;
  tell(listen: number): void;
  tellRequestor(call: number, stream: number): void;
  forward(call: number): void;
  bind(call: number, id: string): void;
  begin(call: number): void;
  relay(call: number): void;
  progress(call: number): void;
  reject(call: number): void;
  abort(call: number, reason: Stop, silently: boolean): void;
  release(call: number): void;
  deliver(ask: number, stream: number): void;
  answered(ask: number, from: number, key: string): void;
  answeredElsewhere(ask: number, job: number, key: string): void;
  withdraw(ask: number, delivered: boolean, reason: Withdrawal): void;
  stepKept(step: number): void;
  stepLost(step: number, reason: Withdrawal): void;
  kept(key: string, name: string): void;
  restart(
    call: number,
    method: number,
    on: number,
    generation: number,
    flags: number,
    owner: string,
    job: number,
  ): void;
  hangUp(request: number): void;
  forget(request: number): void;
  happened(event: string): void;
  post(post: number, attempt: number, end: string): void;
  trouble(trouble: Trouble, id: string): void;
  wake(at: number): void;
}
