// `npm run interop [-- --only NAME]`: other people's clients against our server, and our client against their servers.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { python } from "./environments.ts";
import type { Finding } from "./findings.ts";
import { openCode } from "./hosts/opencode.ts";
import { type Carrier, ROWS, type Row, runRow } from "./rows.ts";

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const folder = join(import.meta.dirname, "..", "..", "build", "interop");
const lines: string[] = [];
let failed = 0;

for (const row of ROWS.filter(({ peer }) => peer.toLowerCase().includes(values.only.toLowerCase()))) {
  const program = row.environment === undefined ? process.execPath : await python(folder, row.environment);
  for (const carrier of row.carriers) {
    const findings = await runRow(row, carrier, program).catch((error: unknown): Finding[] => [
      { check: "start", ok: false, detail: String(error).split("\n")[0]! },
    ]);
    print(row, carrier, findings);
  }
}

if ("opencode".includes(values.only.toLowerCase())) {
  const host: Row = {
    peer: "OpenCode 1.18, which has no tasks",
    side: "client",
    script: "",
    generation: "2025-11-25",
    carriers: ["HTTP"],
  };
  print(host, "HTTP", await openCode(folder));
}

function print({ peer, side, generation, limits }: Row, carrier: Carrier, findings: readonly Finding[]): void {
  const good = findings.filter(({ ok }) => ok);
  const bad = findings.filter(({ ok }) => !ok);
  const reasonOf = ({ check }: Finding): string | undefined => limits?.[carrier]?.[check];
  failed += bad.filter((finding) => reasonOf(finding) === undefined).length;
  console.log(`${peer}, their ${side}, ${generation}, ${carrier}: ${good.length} of ${findings.length}`);
  for (const finding of bad) console.log(`  ${finding.check}: ${reasonOf(finding) ?? finding.detail}`);
  const missing = bad.map((finding) => `${finding.check} (${reasonOf(finding) ?? "a fault"})`).join(", ");
  lines.push(`| ${peer} | ${side} | ${generation} | ${carrier} | ${good.length} of ${findings.length} | ${missing} |`);
}

console.log(
  "\n| Peer | its side | Generation | Carrier | Checks passed | Not |\n| --- | --- | --- | --- | --- | --- |",
);
console.log(lines.join("\n"));
process.exitCode = failed === 0 ? 0 : 1;
