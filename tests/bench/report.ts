import type { Figure, Outcome } from "./harness.ts";

/** A Markdown table, ratios first, and a last section that names what misses its goal. */
export function report(outcomes: readonly Outcome[], head: readonly string[]): string {
  const lines = [
    ...head,
    "",
    "| # | what | ratio | goal | | mcp-longhaul | peers |",
    "|--:|---|--:|---|:-:|--:|---|",
    ...outcomes.map((outcome) => {
      const cells = [
        String(outcome.target),
        outcome.name,
        ratioText(outcome),
        goalText(outcome),
        mark(outcome),
        oursText(outcome),
        peersText(outcome),
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
    "Ratio: the best peer's figure (or the named one's) divided by ours; above 1 we are ahead. " +
      "Figures are medians of rounds in which all",
    "subjects took turns; ± is half the distance between the quartiles.",
  ];
  const missed = outcomes.filter((outcome) => reached(outcome) === false);
  lines.push(
    "",
    "### Where we miss the target",
    "",
    ...(missed.length === 0 ? ["Nowhere in this run."] : missed.map(missText)),
  );
  const absent = new Map<string, Set<string>>();
  for (const outcome of outcomes)
    for (const [subject, why] of Object.entries(outcome.missing)) {
      const key = `${subject}: ${why}`;
      absent.set(key, (absent.get(key) ?? new Set()).add(`#${outcome.target}`));
    }
  if (absent.size > 0)
    lines.push(
      "",
      "### Not available",
      "",
      ...[...absent].map(([why, targets]) => `- ${why} (${[...targets].join(", ")})`),
    );
  return lines.join("\n");
}

/** The peer that the ratio is taken against. */
function rival(outcome: Outcome): readonly [string, Figure] | undefined {
  const named = outcome.goal !== undefined && "peer" in outcome.goal ? outcome.goal.peer : undefined;
  const peers = Object.entries(outcome.peers).filter(([name]) => named === undefined || name === named);
  return peers.toSorted(([, a], [, b]) => a.median - b.median)[0];
}

function ratio(outcome: Outcome): number | undefined {
  const peer = rival(outcome);
  return outcome.compare === false || outcome.ours === undefined || peer === undefined
    ? undefined
    : peer[1].median / outcome.ours.median;
}

/** Whether the goal is reached; `undefined` where there is none or no figure. */
export function reached(outcome: Outcome): boolean | undefined {
  if (outcome.goal === undefined || outcome.ours === undefined) return undefined;
  if ("most" in outcome.goal) return outcome.ours.median <= outcome.goal.most;
  const got = ratio(outcome);
  return got === undefined ? undefined : got >= outcome.goal.times;
}

function missText(outcome: Outcome): string {
  const isRatio = outcome.goal !== undefined && "times" in outcome.goal;
  const got = isRatio ? ratioText(outcome).replaceAll("*", "") : oursText(outcome);
  return `- #${outcome.target} ${outcome.name}: ${got}, goal ${goalText(outcome)}`;
}

function mark(outcome: Outcome): string {
  const got = reached(outcome);
  return got === undefined ? "" : got ? "✓" : "✗";
}

function ratioText(outcome: Outcome): string {
  const got = ratio(outcome);
  return got === undefined ? "–" : `**${number(got)}×**`;
}

function goalText({ goal, unit }: Outcome): string {
  if (goal === undefined) return "";
  if ("most" in goal) return `≤ ${withUnit(goal.most, unit)}`;
  return `≥ ${goal.times}×${goal.peer === undefined ? "" : ` ${goal.peer}`}`;
}

function oursText({ ours, unit }: Outcome): string {
  return ours === undefined ? "not available" : figureText(ours, unit);
}

function peersText({ peers, unit }: Outcome): string {
  return Object.entries(peers)
    .map(([name, peer]) => `${name} ${figureText(peer, unit)}`)
    .join(" · ");
}

function figureText({ median, spread }: Figure, unit: string): string {
  const share = Math.round((spread / Math.abs(median)) * 100);
  if (unit === "%") return `${number(median)} % ±${number(spread)}`;
  return `${withUnit(median, unit)}${share >= 1 && Number.isFinite(share) ? ` ±${share} %` : ""}`;
}

function withUnit(value: number, unit: string): string {
  if (unit === "µs" && Math.abs(value) >= 1000) return withUnit(value / 1000, "ms");
  return unit === "×" ? `${number(value)}×` : `${number(value)} ${unit}`;
}

/** Three significant digits, thousands kept whole. */
function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-GB") : String(Number(value.toPrecision(3)));
}
