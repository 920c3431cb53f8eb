/**
 * How everything here is measured: subjects take turns in rounds, each figure is the median of its rounds, and what
 * counts is the ratio of two subjects in one run. Figures of different runs or machines do not compare.
 */

/** What is hoped for, beside a figure. */
export type Goal =
  /** At least `times` better than a peer: the named one, or the best of all. */
  | { readonly times: number; readonly peer?: string | undefined }
  /** At most `most` of the line's unit. */
  | { readonly most: number }
  /** A figure to know, not to reach. */
  | undefined;

/** One line of the table. */
export interface Line {
  /** In a quick run stores are smaller, so a name that speaks of their size is made from the scale. */
  readonly name: string | ((scale: Scale) => string);
  readonly unit: string;
  readonly goal: Goal;
  /** `false`: a difference or a ratio already, so that a ratio of it says nothing. */
  readonly compare?: false;
}

/** A subject that is set up, so that a round measures nothing but its subject. */
export interface Probe {
  /** Readies what the first round needs beyond set-up, such as compiled code. */
  warm?(): Promise<void>;
  /** One round: a figure for each line, in its unit. */
  measure(): Promise<readonly number[]>;
  close?(): Promise<void> | void;
}

export type Open = (scale: Scale) => Promise<Probe>;

/** Something measured on us and on peers, for one target. */
export interface Row {
  readonly target: number;
  readonly lines: readonly Line[];
  readonly ours: Open;
  readonly peers: Readonly<Record<string, Open>>;
  /** Where rounds cost so much that fewer must do (or noise asks for more). Default: the scale's. */
  readonly rounds?: ((scale: Scale) => number) | undefined;
}

/** How much is measured. */
export interface Scale {
  readonly quick: boolean;
  readonly rounds: number;
  /** How long a timed round lasts, in ms. */
  readonly roundMs: number;
  /** Tasks in a small, a usual and a large store. */
  readonly few: number;
  readonly many: number;
  readonly crowd: number;
}

export const FULL: Scale = { quick: false, rounds: 21, roundMs: 30, few: 100, many: 10_000, crowd: 100_000 };
export const QUICK: Scale = { quick: true, rounds: 5, roundMs: 20, few: 100, many: 10_000, crowd: 10_000 };

/** A line as it came out. `ours` and peers are medians. */
export interface Outcome extends Line {
  readonly name: string;
  readonly target: number;
  readonly ours: Figure | undefined;
  readonly peers: Readonly<Record<string, Figure>>;
  /** Why a subject has no figure. */
  readonly missing: Readonly<Record<string, string>>;
}

export interface Figure {
  readonly median: number;
  /** Half the distance between the quartiles. */
  readonly spread: number;
}

export const OURS = "mcp-longhaul";

/** Opens every subject of a row, warms it, and lets them take turns. */
export async function run(row: Row, scale: Scale): Promise<Outcome[]> {
  const missing: Record<string, string> = {};
  const probes = new Map<string, { readonly probe: Probe; readonly rounds: (readonly number[])[] }>();
  for (const [name, open] of [[OURS, row.ours], ...Object.entries(row.peers)] as [string, Open][]) {
    try {
      const probe = await open(scale);
      await probe.warm?.();
      probes.set(name, { probe, rounds: [] });
    } catch (error) {
      missing[name] = reason(error);
    }
  }
  const rounds = row.rounds?.(scale) ?? scale.rounds;
  for (let round = 0; round < rounds; round++) {
    // A heap to start from, but not in every round: with a large store a collection takes longer than the round.
    if (round % Math.ceil(rounds / 5) === 0) globalThis.gc?.();
    // Who goes first changes with the round, so that nobody always runs behind the same neighbour.
    const order = [...probes];
    for (const [name, { probe, rounds }] of [
      ...order.slice(round % order.length),
      ...order.slice(0, round % order.length),
    ]) {
      try {
        rounds.push(await probe.measure());
      } catch (error) {
        missing[name] = reason(error);
        probes.delete(name);
      }
    }
  }
  for (const { probe } of probes.values()) await probe.close?.();
  return row.lines.map((line, index) => {
    const figures = Object.fromEntries(
      [...probes].map(([name, { rounds }]) => [name, figure(rounds.map((values) => values[index] ?? Number.NaN))]),
    );
    const { [OURS]: ours, ...peers } = figures;
    const name = typeof line.name === "string" ? line.name : line.name(scale);
    return { ...line, name, target: row.target, ours, peers, missing };
  });
}

/** The line of an error that says most: bundlers put a count before it. */
function reason(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error))
    .split("\n")
    .filter((line) => line.trim() !== "");
  return (lines.find((line) => /\bERROR: /.test(line)) ?? lines[0] ?? "").trim();
}

/** A count as a name shows it: 10k, 1M. */
export const thousands = (count: number): string =>
  count % 1_000_000 === 0 ? `${count / 1_000_000}M` : count % 1000 === 0 ? `${count / 1000}k` : String(count);

function figure(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 };
}

/** The value below which a share of sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/**
 * A probe that repeats an operation for the time of a round and says how long one took, in µs. The operation counts
 * itself: `loop(n)` does it n times, so that nothing of the harness is in the loop.
 */
export function repeated(
  loop: (times: number) => Promise<void>,
  scale: Scale,
  close?: () => Promise<void> | void,
): Probe {
  let times = 1;
  const timed = async (): Promise<number> => {
    const start = performance.now();
    await loop(times);
    return performance.now() - start;
  };
  return {
    async warm() {
      // Warm long enough for the optimising compiler, then fit the number of repetitions to a round.
      const until = performance.now() + (scale.quick ? 120 : 500);
      let took = await timed();
      while (performance.now() < until || took < scale.roundMs / 4) {
        if (took < scale.roundMs / 2)
          times = Math.ceil(times * Math.min(8, Math.max(1.2, scale.roundMs / (took + 0.01))));
        took = await timed();
      }
      times = Math.max(1, Math.round((times * scale.roundMs) / took));
    },
    async measure() {
      return [((await timed()) * 1000) / times];
    },
    ...(close === undefined ? {} : { close }),
  };
}

/**
 * Two probes of one subject, measured one after the other in each round: their figures and what `combine` makes of
 * them.
 */
export function paired(
  first: Probe,
  second: Probe,
  combine: (first: number, second: number) => readonly number[],
): Probe {
  let turn = 0;
  return {
    async warm() {
      await first.warm?.();
      await second.warm?.();
    },
    async measure() {
      const order = turn++ % 2 === 0 ? [first, second] : [second, first];
      const values = new Map<Probe, number>();
      for (const probe of order) values.set(probe, (await probe.measure())[0] ?? Number.NaN);
      return combine(values.get(first) ?? Number.NaN, values.get(second) ?? Number.NaN);
    },
    async close() {
      await first.close?.();
      await second.close?.();
    },
  };
}
