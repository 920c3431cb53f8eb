// `npm run simulate -- [--minutes N] [--seed S] [--from S] [--instances K] [--trace] [--wasm]`: stories of clients,
// instances, a network and a store on one virtual clock (tests/core/simulator). Without a seed, new ones for a minute.
import { parseArgs } from "node:util";
import { Failure, modernPath, run } from "./tools.mjs";

const WASM = "wasm32-wasip1";

function options(parameters) {
  try {
    return parseArgs({
      args: parameters,
      options: {
        minutes: { type: "string", default: "1" },
        seed: { type: "string" },
        from: { type: "string" },
        instances: { type: "string" },
        trace: { type: "boolean", default: false },
        wasm: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new Failure(error.message);
  }
}

export async function simulate(parameters) {
  const { minutes, seed, from = String(Date.now()), instances, trace, wasm } = options(parameters);
  for (const [name, value] of Object.entries({ minutes, seed, from, instances })) {
    if (value !== undefined && !(Number(value) >= 0)) throw new Failure(`--${name} must be a number`);
  }
  if (instances !== undefined && !/^[2-5]$/.test(instances)) throw new Failure("--instances must be 2 to 5");
  const env = { PATH: modernPath, RUST_BACKTRACE: "0", SIMULATE_MINUTES: minutes, SIMULATE_FROM: from };
  if (seed !== undefined) env.SIMULATE_SEED = seed;
  if (instances !== undefined) env.SIMULATE_INSTANCES = instances;
  if (trace) env.SIMULATE_TRACE = "1";
  // scripts/wasi.mjs asks for what the tests print by itself.
  const [target, shown] = wasm ? [[`--target=${WASM}`], []] : [[], ["--nocapture"]];
  const test = ["--test", "core_tests", "--", "--ignored", "--exact", "simulator::simulate", ...shown];
  await run("cargo", ["test", "--locked", "--profile", "simulate", ...target, ...test], { env });
}
