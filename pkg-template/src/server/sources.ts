// What of the messages that are here is stored as a part of a task's payload.
import { PartCode, SourceCode } from "../core/codes.ts";
import { shown } from "../wire/revisions.ts";
import { isObject, own } from "../json.ts";
import { misfitOf, named } from "./form.ts";
import type { PendingRequest } from "./link.ts";
import { type Payload, storableText } from "./payload.ts";
import type { Registry } from "./registry.ts";

/** The messages that are here, as sources of what is stored. */
export class Sources {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /**
   * The text of what is to be stored under `key`; `undefined` where it has none. What handlers made is looked into, of
   * which nothing is certain.
   */
  textOf(source: SourceCode, number: number, sourceKey: string, key: string): string | undefined {
    const ask = source === SourceCode.InputRequest ? this.#registry.asks.get(number) : undefined;
    if (ask !== undefined) ask.key = key;
    try {
      return this.#textOf(source, number, sourceKey);
    } catch {
      return undefined;
    }
  }

  #textOf(source: SourceCode, number: number, key: string): string | undefined {
    const { calls, asks } = this.#registry;
    switch (source) {
      case SourceCode.Request:
        return storableText(calls.get(number)?.message.params);
      case SourceCode.Outcome: {
        const call = calls.get(number);
        const result = call?.outcome?.result;
        if (own(result, "resultType") === "input_required") return storableText(own(result, "requestState"));
        return call?.outcomeText ?? storableText(result ?? call?.outcome?.error);
      }
      case SourceCode.Asked:
        return storableText(shown(own(own(calls.get(number)?.outcome?.result, "inputRequests"), key)));
      case SourceCode.InputRequest: {
        const message = asks.get(number)?.message;
        return storableText(shown({ method: message?.method, ...(message?.params && { params: message.params }) }));
      }
      case SourceCode.Response:
        return storableText(own(own(this.#registry.requests.get(number)?.message.params, "inputResponses"), key));
      case SourceCode.Step:
        return this.#registry.steps.get(number)?.text;
    }
  }
}

/**
 * Which answers of an update are not what was asked for, now that the questions can be read; the first is kept with the
 * request, for its refusal.
 */
export function misfitsOf(request: PendingRequest | undefined, payload: Payload): string[] {
  const answers = own(request?.message.params, "inputResponses");
  if (request === undefined || !isObject(answers)) return [];
  request.misfit = undefined;
  return Object.keys(answers).filter((key) => {
    const misfit = misfitOf(payload.part(PartCode.Input, key), answers[key]);
    if (misfit === undefined) return false;
    request.misfit ??= `in the answer ${named(key)}, ${misfit}`;
    return true;
  });
}
