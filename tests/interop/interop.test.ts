// The part of `npm run interop` that needs no packages but the project's: SDK v1's own tasks against ours, both ways.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ROWS } from "./rows.ts";
import { Outcome } from "./table.ts";

for (const row of ROWS.filter(({ quick }) => quick)) {
  for (const carrier of row.carriers) {
    test(`${row.peer}, their ${row.side}, over ${carrier}`, async () => {
      const findings = await row.run(carrier, "");
      assert.deepEqual(new Outcome(row, carrier, findings).faults, []);
      assert(findings.length >= 8);
    });
  }
}
