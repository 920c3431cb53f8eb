// JSON as a hostile peer writes it: a message that means something, with places spoilt in ways that no JavaScript value
// can say.
import fc from "fast-check";

/** One thing that is wrong with a message: where (the place is counted, modulo how many there are), and what. */
export interface Spoil {
  readonly at: number;
  readonly how: "replace" | "delete" | "rename" | "twice";
  /** JSON text, or what should be. */
  readonly text: string;
  readonly key: string;
}

type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly items: Node[] }
  | { readonly kind: "members"; readonly members: Member[] };
type Member = [key: string, value: Node];

/** A place where a value stands. */
interface Place {
  replace(node: Node): void;
  delete(): void;
  rename(key: string): void;
  twice(node: Node): void;
}

function nodeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: "list", items: value.map(nodeOf) };
  if (typeof value !== "object" || value === null) return { kind: "text", text: JSON.stringify(value) ?? "null" };
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return { kind: "members", members: members.map(([key, member]): Member => [key, nodeOf(member)]) };
}

function placesIn(node: Node): Place[] {
  if (node.kind === "text") return [];
  if (node.kind === "list") {
    const { items } = node;
    return items.flatMap((item, at) => [
      {
        replace: (value) => void (items[at] = value),
        delete: () => void items.splice(at, 1),
        rename: () => {},
        twice: (value) => void items.push(value),
      } satisfies Place,
      ...placesIn(item),
    ]);
  }
  const { members } = node;
  return members.flatMap((member) => [
    {
      replace: (value) => void (member[1] = value),
      delete: () => void members.splice(members.indexOf(member), 1),
      rename: (key) => void (member[0] = key),
      twice: (value) => void members.push([member[0], value]),
    } satisfies Place,
    ...placesIn(member[1]),
  ]);
}

function write(node: Node): string {
  if (node.kind === "text") return node.text;
  if (node.kind === "list") return `[${node.items.map(write).join(",")}]`;
  return `{${node.members.map(([key, value]) => `${JSON.stringify(key)}:${write(value)}`).join(",")}}`;
}

/** The text of a message, spoilt. */
export function spoil(message: unknown, spoils: readonly Spoil[]): string {
  const root = nodeOf(message);
  for (const { at, how, text, key } of spoils) {
    const places = placesIn(root);
    const place = places[at % places.length];
    if (how === "replace") place?.replace({ kind: "text", text });
    else if (how === "delete") place?.delete();
    else if (how === "rename") place?.rename(key);
    else place?.twice({ kind: "text", text });
  }
  return write(root);
}

function nested(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

const NUMBERS = ["0", "-0", "-1", "1.5", "1e400", "-1e400", "1e-400", "9007199254740993", "2147483648", "NaN", "1e21"];
const TEXTS = [
  "",
  "\0",
  "../../etc/passwd",
  "constructor",
  "2026-07-28",
  "2025-11-25",
  "working",
  "completed",
  "input_required",
  "task",
  "complete",
];
const OBJECTS = [
  '{"__proto__":{"polluted":1}}',
  '{"toString":1,"constructor":{},"hasOwnProperty":2,"then":3}',
  '{"ttl":1e400}',
  '{"ttl":-5}',
  '{"ttl":null}',
  '{"taskId":{}}',
];

/** The text of a value that nobody expects. */
export const strange: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("null", "true", "[]", "{}", "[1,2]", '"\\ud800"', ...OBJECTS) },
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 2, arbitrary: fc.constantFrom(...TEXTS).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6000 }).map((length) => JSON.stringify("A".repeat(length))) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 1500 }), fc.boolean())
      .map(([depth, list]) => (list ? nested(depth, "[", "]") : nested(depth, '{"a":', "}"))),
  },
);

const KEYS = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "then",
  "",
  "\ud800",
  "id",
  "method",
  "params",
  "result",
  "error",
  "task",
  "taskId",
  "_meta",
];

export const spoilArbitrary: fc.Arbitrary<Spoil> = fc.record({
  at: fc.nat(60),
  how: fc.constantFrom("replace", "replace", "replace", "delete", "rename", "twice"),
  text: strange,
  key: fc.constantFrom(...KEYS),
});

/** Mostly none, sometimes a few. */
export const spoilsArbitrary: fc.Arbitrary<Spoil[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Spoil[]>([]) },
  { weight: 3, arbitrary: fc.array(spoilArbitrary, { minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.array(spoilArbitrary, { minLength: 2, maxLength: 6 }) },
);
