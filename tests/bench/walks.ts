// How often a walk crosses the boundary between JavaScript and wasm: calls of the core's exports, and calls of the host
// by the core. What wasm-bindgen calls for texts and references is not counted. `npm run walks`.
import { latch, type Json } from "../sdk/harness/g26.ts";

/** Where calls are counted while a walk lasts. */
let walk: { readonly into: string[]; readonly out: string[] } | undefined;
const INTERNAL = /^(__wbindgen|__externref|__wbg_(?!\w*_[0-9a-f]{16}$))/;

function counted(
  functions: WebAssembly.Exports | WebAssembly.ModuleImports,
  way: "into" | "out",
): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(functions as Record<string, Json>).map(([name, value]) => {
      if (typeof value !== "function" || INTERNAL.test(name)) return [name, value];
      const called = (...parameters: unknown[]): unknown => {
        walk?.[way].push(name.replace(/^__wbg_(\w+)_[0-9a-f]{16}$/, "$1"));
        return value(...parameters);
      };
      return [name, called];
    }),
  );
}

WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, [module, imports]: ConstructorParameters<typeof WebAssembly.Instance>) {
    const wrapped = Object.fromEntries(
      Object.entries(imports ?? {}).map(([name, functions]) => [name, counted(functions, "out")]),
    );
    return { exports: counted(new target(module, wrapped).exports, "into") };
  },
});

const { World, accept, form, text } = await import("../sdk/harness/g26.ts");

/** Counts what one step crosses; the second time, when nothing is new any longer. */
async function show(name: string, step: () => Promise<unknown>): Promise<void> {
  await step();
  const counts = (walk = { into: [], out: [] });
  await step();
  walk = undefined;
  console.log(`${name}: ${counts.into.length} in, ${counts.out.length} out`);
  if (process.argv.includes("--names")) console.log(`  in  ${counts.into.join(" ")}\n  out ${counts.out.join(" ")}`);
}

let gate = latch();
await using world = await World.open({
  tools: {
    hold: () => gate.promise.then(() => text("held")),
    ask: async (_, ctx) => {
      const answer: Json = await world.tasks.current(ctx)?.requireInput(form("?", { a: { type: "string" } }));
      return text(answer.content.a);
    },
  },
  tasks: { task: "always" },
  way: "pipe",
});

let held = "";
await show("`tools/call` becomes a task", async () => {
  held = await world.start("hold");
});
await show("`tasks/get` of a task that works", () => world.get(held));
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
await show("completion", async () => {
  const unmeasured = walk;
  walk = undefined;
  if (unmeasured !== undefined) await world.start("hold");
  walk = unmeasured;
  gate.resolve();
  await settled();
  gate = latch();
});
await show("`tasks/get` of a task that has completed", () => world.get(held));
const asked: string[] = [];
for (const _ of [1, 2]) asked.push(await world.start("ask"));
const keys: string[] = [];
for (const id of asked) keys.push(Object.keys((await world.until(id, "input_required")).inputRequests)[0] ?? "");
await show("`tasks/update` with an answer, to the end of its task", async () => {
  await world.update(asked.shift() ?? "", { [keys.shift() ?? ""]: accept({ a: "x" }) });
  await settled();
});
