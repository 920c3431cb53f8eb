// How much an object of the package holds. Its tables are private, so it is the debugger that looks; a table that is
// new is found like the others. What belongs to an SDK, or to who uses the package, is left alone.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { Session, type Runtime } from "node:inspector";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const GROUP = "tests/fuzz/inside";
const session = new Session();
session.connect();

/** `node:inspector` answers these at once. */
function post<Answer>(method: string, parameters: object): Answer {
  let answer: Answer | undefined;
  let fault: Error | null = null;
  session.post(method, parameters, (error: Error | null, value?: object) => {
    fault = error;
    answer = value as Answer;
  });
  if (fault !== null) throw fault;
  return answer as Answer;
}

const dist = dirname(fileURLToPath(import.meta.resolve("mcp-longhaul")));
const sources = readdirSync(dist, { recursive: true, encoding: "utf8" })
  .map((name) => join(dist, name))
  .filter((file) => file.endsWith(".js") && !/-hex\.js$/.test(file) && statSync(file).isFile())
  .map((file) => readFileSync(file, "utf8"));
const ours = new Map<unknown, boolean>();

/** Whether the package made this class. */
function isOurs(value: object): boolean {
  const { constructor: maker } = value as { constructor?: unknown };
  if (typeof maker !== "function") return false;
  let known = ours.get(maker);
  if (known === undefined) {
    const source = Function.prototype.toString.call(maker);
    known = source.startsWith("class") && sources.some((text) => text.includes(source));
    ours.set(maker, known);
  }
  return known;
}

const taken: [string, unknown][] = [];
const bridge = { value: undefined as unknown, taken };
(globalThis as Record<string, unknown>)[GROUP] = bridge;

/** The private members of an object that are objects. */
export function privates(object: object): [string, unknown][] {
  bridge.value = object;
  const expression = `globalThis[${JSON.stringify(GROUP)}].value`;
  const { result } = post<Runtime.EvaluateReturnType>("Runtime.evaluate", { expression, objectGroup: GROUP });
  const { objectId } = result;
  const found = post<Runtime.GetPropertiesReturnType & { privateProperties?: Runtime.PropertyDescriptor[] }>(
    "Runtime.getProperties",
    { objectId, ownProperties: true },
  );
  for (const { name, value } of found.privateProperties ?? []) {
    if (value?.objectId === undefined) continue;
    const functionDeclaration = `function (name, value) { this.taken.push([name, value]); }`;
    bridge.value = undefined;
    const { result: target } = post<Runtime.EvaluateReturnType>("Runtime.evaluate", {
      expression: `globalThis[${JSON.stringify(GROUP)}]`,
      objectGroup: GROUP,
    });
    post("Runtime.callFunctionOn", {
      functionDeclaration,
      objectId: target.objectId,
      arguments: [{ value: name }, { objectId: value.objectId }],
    });
  }
  bridge.value = undefined;
  return taken.splice(0);
}

/**
 * The sizes of all maps, sets and lists that the package's own objects below `root` hold, by path; empty ones are left
 * out.
 */
export function tables(root: object): Map<string, number> {
  const sizes = new Map<string, number>();
  const seen = new Set<unknown>();
  const queue: [string, unknown][] = [["", root]];
  const count = (path: string, size: number): void => {
    if (size > 0) sizes.set(path, (sizes.get(path) ?? 0) + size);
  };
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [path, value] = next;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Map || value instanceof Set) {
      count(path, value.size);
      for (const member of value.values()) queue.push([`${path}[]`, member]);
    } else if (Array.isArray(value)) {
      count(path, value.length);
      for (const member of value) queue.push([`${path}[]`, member]);
    } else if (isOurs(value)) {
      const members = [...Object.entries(value), ...privates(value)];
      for (const [name, member] of members) queue.push([`${path}.${name}`, member]);
    }
  }
  post("Runtime.releaseObjectGroup", { objectGroup: GROUP });
  return sizes;
}
