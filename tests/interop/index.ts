// `npm run interop [-- --only NAME] [--write]`: other people's clients against our server, and our client against their
// servers. `--only NAME` runs the peers whose names have it; `--write` makes the tables of docs/interop.md and of the
// README anew, of what each row found when it ran last.
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Finding } from "./findings.ts";
import { ROWS } from "./rows.ts";
import { keep, Outcome, short, titleOf, whole, writeTables } from "./table.ts";

const { values } = parseArgs({
  options: { only: { type: "string", default: "" }, write: { type: "boolean", default: false } },
});
const folder = join(import.meta.dirname, "..", "..", "build", "interop");
const outcomes: Outcome[] = [];

for (const row of ROWS.filter(({ peer }) => peer.toLowerCase().includes(values.only.toLowerCase()))) {
  for (const carrier of row.carriers) {
    const findings = await row
      .run(carrier, folder)
      .catch((error: unknown): Finding[] => [{ check: "start", ok: false, detail: String(error).split("\n")[0]! }]);
    const outcome = new Outcome(row, carrier, findings);
    keep(folder, outcome);
    outcomes.push(outcome);
    console.log(`${titleOf(row, carrier)}: ${outcome.passed} of ${findings.length}`);
    for (const { check, ok } of findings)
      if (!ok && outcome.reasonOf(check)) console.log(`  ${check}: ${outcome.reasonOf(check)}`);
    for (const fault of outcome.faults) console.log(`  FAULT ${fault}`);
  }
}

console.log(`\n${whole(outcomes)}\n\n${short(outcomes)}`);
if (values.write) writeTables(folder);
process.exitCode = outcomes.some(({ faults }) => faults.length > 0) ? 1 : 0;
