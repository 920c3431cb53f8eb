/** A top-level class that may be one of the SDK's; bundlers write `var Client = class`, and number namesakes. */
const CLASS = /^(?:export )?(?:class |(?:var|let|const) (?=\w+ = class\b))((?:Client|Server|McpServer)\d*)\b/gm;

/**
 * The source of a module with a line at its end that hands its classes of these names to a function of the global
 * object; `undefined` where it has none.
 *
 * @param hook - the key of a registered symbol, under which the function is
 */
export function withReport(source: string, hook: string): string | undefined {
  const names = [...source.matchAll(CLASS)].map(([, name]) => name);
  if (names.length === 0) return undefined;
  return `${source}\n;globalThis[Symbol.for(${JSON.stringify(hook)})]?.(${names.join(", ")});\n`;
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
