import type {
  PartCode,
  Phase,
  ReplyKind,
  SourceCode,
  Stop,
  Trouble,
  Withdrawal,
  WriteCode,
} from "../core/codes.ts";

/**
 * What the receiver wants done; `ReceiverHost` in `src/bindings/receiver_host.rs` calls it. No method throws: an exception would leave the core in the middle of its work.
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
  forward(call: number, gated: boolean): void;
  bind(call: number, id: string): void;
  begin(call: number): void;
  relay(call: number): void;
  reject(call: number): void;
  abort(call: number, reason: Stop, silently: boolean): void;
  release(call: number): void;
  deliver(ask: number, stream: number): void;
  answered(ask: number, from: number, key: string): void;
  answeredElsewhere(ask: number, job: number, key: string): void;
  withdraw(ask: number, delivered: boolean, reason: Withdrawal): void;
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
  event(
    happening: number,
    owner: string,
    id: string,
    tool: string,
    phase: Phase | undefined,
    at: number,
    createdAt: number,
    waitedSince: number,
    run: number,
    epoch: number,
    trace: string,
  ): void;
  trouble(trouble: Trouble, id: string): void;
  wake(at: number): void;
}
