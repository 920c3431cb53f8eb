// The patterns of forms, matched in a time that pattern and text bound: a text comes from a peer, and a pattern for
// which an engine with backtracking takes seconds is easily written by accident (X-INP-01, X-LIM-04). A pattern becomes
// a machine of states that are all tried at once; whether one character is what an atom (`\d`, `[a-z]`, `\p{L}`) means,
// the platform's own engine says, so that the meaning is ECMAScript's.

/** The longest pattern that is looked at, and the most states that its repetitions may be written out to. */
const LONGEST_PATTERN = 2000;
const MOST_STATES = 1000;
/** How many steps a text may take: some milliseconds. */
const MOST_STEPS = 500_000;

/** Looks at the position between two characters, which are empty at the ends. */
type Assertion = (before: string, after: string) => boolean;
type State = { /** The position at which it was looked at last. */ seen: number } & (
  | { readonly kind: "one"; readonly is: RegExp; readonly next: State }
  | { readonly kind: "at"; readonly holds: Assertion; readonly next: State }
  | { readonly kind: "either"; readonly ways: State[] }
  | { readonly kind: "end" }
);
/** Makes the states of a piece of a pattern, given those that come after it. */
type Piece = (next: State) => State;

/**
 * Whether `pattern` matches somewhere in `text`; a text too long to tell is no match. `undefined` where the pattern is
 * none, or can say what takes more than states: looking ahead or behind, references to groups, very many repetitions.
 */
export function matches(pattern: string, text: string): boolean | undefined {
  const machine = machineOf(pattern);
  return machine && runs(machine.start, machine.states, text);
}

function machineOf(pattern: string): { readonly start: State; readonly states: number } | undefined {
  if (pattern.length > LONGEST_PATTERN) return undefined;
  try {
    void new RegExp(pattern, "u");
    const parser = new Parser(pattern);
    const start = parser.alternatives()({ kind: "end", seen: -1 });
    return { start, states: parser.states + 1 };
  } catch {
    return undefined;
  }
}

function runs(start: State, states: number, text: string): boolean {
  // Each character costs a step at least, and is at most two units.
  if (text.length > 2 * MOST_STEPS) return false;
  const characters = [...text, ""];
  if (characters.length * states > MOST_STEPS) return false;
  let waiting: (State & { kind: "one" })[] = [];
  let before = "";
  for (const [position, character] of characters.entries()) {
    const open: State[] = [start];
    for (const state of waiting) if (state.is.test(before)) open.push(state.next);
    waiting = [];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (state.seen === position) continue;
      state.seen = position;
      if (state.kind === "end") return true;
      if (state.kind === "one") waiting.push(state);
      else if (state.kind === "either") open.push(...state.ways);
      else if (state.holds(before, character)) open.push(state.next);
    }
    before = character;
  }
  return false;
}

const isWord = (character: string): boolean => /^\w$/.test(character);
const atWordEdge: Assertion = (before, after) => isWord(before) !== isWord(after);
const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  "^": (before) => before === "",
  $: (_before, after) => after === "",
  "\\b": atWordEdge,
  "\\B": (before, after) => !atWordEdge(before, after),
};

/** One atom; the pattern is known to be valid. Two surrogates that are written apart are one character. */
const ATOM =
  /\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\x..|\\c.|\\[^1-9k]|\[(?:\\.|[^\]\\])*\]|[^\\[()|]/suy;
const ASSERTION = /\^|\$|\\[bB]/uy;
const GROUP = /\((?:\?:|\?<(?![=!])[^>]*>|(?!\?))/uy;
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/uy;

/** Reads a valid pattern; throws where it says what is not looked at. */
class Parser {
  states = 0;
  readonly #pattern: string;
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  alternatives(): Piece {
    const ways = [this.#sequence()];
    while (this.#take(/\|/uy) !== undefined) ways.push(this.#sequence());
    if (ways.length === 1) return ways[0] as Piece;
    return (next) => this.#made({ kind: "either", seen: -1, ways: ways.map((way) => way(next)) });
  }

  #sequence(): Piece {
    const pieces: Piece[] = [];
    while (this.#at < this.#pattern.length && !/[|)]/.test(this.#pattern.charAt(this.#at))) pieces.push(this.#piece());
    return (next) => pieces.reduceRight((after, piece) => piece(after), next);
  }

  #piece(): Piece {
    const [assertion] = this.#take(ASSERTION) ?? [];
    if (assertion !== undefined)
      return (next) => this.#made({ kind: "at", seen: -1, holds: ASSERTIONS[assertion] as Assertion, next });
    let piece: Piece;
    if (this.#take(GROUP) !== undefined) {
      piece = this.alternatives();
      this.#at++;
    } else {
      const [atom] = this.#take(ATOM) ?? [];
      if (atom === undefined) throw new Error("not looked at");
      const is = new RegExp(`^${atom}$`, "u");
      piece = (next) => this.#made({ kind: "one", seen: -1, is, next });
    }
    const [quantifier, sign, least, comma, most] = this.#take(QUANTIFIER) ?? [];
    if (quantifier === undefined) return piece;
    const low = sign === undefined ? Number(least) : Number(sign === "+");
    const high =
      sign === undefined ? (comma === "" ? low : most === "" ? Infinity : Number(most)) : sign === "?" ? 1 : Infinity;
    return (next) => this.#repeated(piece, low, high, next);
  }

  #repeated(piece: Piece, low: number, high: number, next: State): State {
    let state = next;
    if (high === Infinity) {
      const ways = [next];
      state = this.#made({ kind: "either", seen: -1, ways });
      ways.push(piece(state));
    } else {
      for (let count = low; count < high; count++)
        state = this.#made({ kind: "either", seen: -1, ways: [next, piece(state)] });
    }
    // Each round makes a state of its own, so that one that repeats nothing ends too.
    for (let count = 0; count < low; count++) state = this.#made({ kind: "either", seen: -1, ways: [piece(state)] });
    return state;
  }

  #made<Made extends State>(state: Made): Made {
    if (++this.states > MOST_STATES) throw new Error("not looked at");
    return state;
  }

  #take(what: RegExp): RegExpExecArray | undefined {
    what.lastIndex = this.#at;
    const found = what.exec(this.#pattern);
    if (found !== null) this.#at = what.lastIndex;
    return found ?? undefined;
  }
}
