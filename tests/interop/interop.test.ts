// The part of `npm run interop` that needs nothing but npm: SDK v1's own tasks against ours, both ways.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ROWS, runRow } from "./rows.ts";

for (const row of ROWS.filter(({ environment }) => environment === undefined)) {
  for (const carrier of row.carriers) {
    test(`${row.peer}, their ${row.side}, over ${carrier}`, async () => {
      const findings = await runRow(row, carrier, process.execPath);
      assert.deepEqual(
        findings.filter(({ ok }) => !ok),
        [],
      );
      assert(findings.length >= 7);
    });
  }
}
