/** A method that both SDKs have, clients and servers; minifiers leave it as it is. */
const MARK = "setRequestHandler";
/** A class that may be one of the SDK's; bundlers write `var Client = class`, and number namesakes. */
const NAMED =
  /\b(?:class (?:Client|Server|McpServer)\d*|(?:Client|Server|McpServer)\d* = class(?: [\w$]+)?)(?: extends [\w$.]+)? \{/g;
/** A class whose name a minifier has taken away: the SDK's extend another. */
const MINIFIED = /\bclass(?: [\w$]+)? extends [\w$.]+\{/g;

/**
 * The source of a module whose classes that may be the SDK's hand themselves to a function of the global object as soon
 * as they are made; `undefined` where it has none.
 *
 * @param hook - the key of a registered symbol, under which the function is
 */
export function withReport(source: string, hook: string): string | undefined {
  if (!source.includes(MARK)) return undefined;
  const report = `static{globalThis[Symbol.for(${JSON.stringify(hook)})]?.(this)}`;
  const reporting = [NAMED, MINIFIED].reduce((text, classes) => text.replace(classes, `$&${report}`), source);
  return reporting === source ? undefined : reporting;
}

/** What a class of an SDK makes: clients or servers; `undefined` for any other class. */
export function roleOf(value: unknown): "client" | "server" | undefined {
  if (typeof value !== "function") return undefined;
  const prototype = value.prototype as Record<string, unknown> | undefined;
  const has = (...names: readonly string[]): boolean => names.every((name) => typeof prototype?.[name] === "function");
  if (has("connect", "close", "callTool", "listTools")) return "client";
  if (has("connect", "close", "registerTool") || has("connect", "close", "createMessage", "setRequestHandler"))
    return "server";
  return undefined;
}
