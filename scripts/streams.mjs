// Parts the code of a wasm into streams: one has the instructions, each other the numbers that belong to instructions of a kind. A
// compressor then finds like beside like: with gzip the server's wasm is a tenth smaller. What is always the same is left out: how
// addresses are aligned, and how large a function is, which its last instruction tells. `src/bin/unpack.rs` puts the streams together.

/** The streams in their order: another one, or other instructions in one, made the server or the client larger. */
const [INSTRUCTIONS, LONGS, LOADS, STORES, READS, BRANCHES_IF, WRITES, BRANCHES] = [0, 1, 2, 3, 4, 5, 6, 7];
const STREAMS = 8;
// What the text says of an instruction; `unpack.rs` has the same.
const ADDRESS = 8;
const ALONE = 16;
const BYTES = 17;
const LAST = 18;

/** What no instruction is that is known here. */
const [RUN, END_OF_FUNCTION] = [0xfe, 0xff];
const END = 0x0b;

/** What instructions from the first to the second are. Others are written as runs of bytes. */
const KINDS = [
  [0x00, 0x01, ALONE], // unreachable, nop
  [0x02, 0x04, INSTRUCTIONS], // block, loop, if
  [0x05, 0x05, ALONE], // else
  [END, END, ALONE],
  [0x0c, 0x0c, BRANCHES], // br
  [0x0d, 0x0d, BRANCHES_IF], // br_if
  [0x0f, 0x0f, ALONE], // return
  [0x10, 0x10, INSTRUCTIONS], // call
  [0x1a, 0x1b, ALONE], // drop, select
  [0x20, 0x20, READS], // local.get
  [0x21, 0x21, WRITES], // local.set
  [0x22, 0x22, READS], // local.tee
  [0x23, 0x24, INSTRUCTIONS], // global.get, global.set
  [0x28, 0x35, LOADS + ADDRESS],
  [0x36, 0x3e, STORES + ADDRESS],
  [0x3f, 0x41, INSTRUCTIONS], // memory.size, memory.grow, i32.const
  [0x42, 0x42, LONGS], // i64.const
  [0x45, 0xc4, ALONE], // what computes
];
const kindOf = (instruction) => KINDS.find(([first, last]) => instruction >= first && instruction <= last)?.[2];

/** Reads bytes one after the other. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  get isAtEnd() {
    return this.at === this.bytes.length;
  }

  take(length) {
    if (this.at + length > this.bytes.length) throw new Error("The wasm ends too early.");
    return this.bytes.subarray(this.at, (this.at += length));
  }

  byte() {
    return this.take(1)[0];
  }

  /** The bytes of a number: seven bits a byte, the lowest first. */
  digits() {
    const from = this.at;
    while (this.byte() >= 128);
    return this.bytes.subarray(from, this.at);
  }

  number() {
    return this.digits().reduceRight((number, byte) => number * 128 + (byte & 127), 0);
  }
}

/** What `unpack.rs` puts together: what each instruction is, counts, and the streams between what is before and behind them. */
export function part(bytes) {
  const { functions, from, end } = code(bytes);
  const streams = Array.from({ length: STREAMS }, () => []);
  const reader = new Reader(bytes.subarray(from, end));
  for (let count = 0; count < functions; count++) {
    const size = reader.number();
    if (size >= 2 ** 14) throw new Error("A function of the wasm has over 16 KB, for whose size src/bin/unpack.rs has no room.");
    partFunction(new Reader(reader.take(size)), streams);
  }
  const kinds = Array.from({ length: 256 }, (_, instruction) => kindOf(instruction) ?? ALONE);
  [kinds[RUN], kinds[END_OF_FUNCTION]] = [BYTES, LAST];
  const blocks = [bytes.subarray(0, from), ...streams, bytes.subarray(end)];
  let place = kinds.length + 3 * (blocks.length + 2);
  const counts = [functions, place, ...blocks.map((block) => (place += block.length))].flatMap((count) => [count & 255, (count >> 8) & 255, count >> 16]);
  return Buffer.concat([kinds, counts, ...blocks].map((block) => Buffer.from(block)));
}

/** Where the functions of a wasm begin, behind their number, and end. */
function code(bytes) {
  const reader = new Reader(bytes);
  reader.take(8);
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const end = reader.number() + reader.at;
    if (id === 10) return { functions: reader.number(), from: reader.at, end };
    reader.at = end;
  }
  return { functions: 0, from: bytes.length, end: bytes.length };
}

function partFunction(reader, streams) {
  const run = (bytes) => {
    if (bytes.length > 255) throw new Error("A run of bytes is longer than its length, which has one, can tell.");
    streams[INSTRUCTIONS].push(bytes.length, ...bytes);
  };
  run(locals(reader));
  while (!reader.isAtEnd) {
    const from = reader.at;
    const instruction = reader.byte();
    const kind = kindOf(instruction);
    if (kind === undefined) {
      rest(instruction, reader);
      streams[INSTRUCTIONS].push(RUN);
      run(reader.bytes.subarray(from, reader.at));
      continue;
    }
    streams[INSTRUCTIONS].push(reader.isAtEnd ? END_OF_FUNCTION : instruction);
    if (kind === ALONE) continue;
    if (kind >= ADDRESS && reader.byte() !== 0) throw new Error("An address is aligned, for which the streams have no place.");
    streams[kind % ADDRESS].push(...reader.digits());
  }
}

/** What is before a function's instructions. */
function locals(reader) {
  const from = reader.at;
  for (let numbers = 2 * reader.number(); numbers > 0; numbers--) reader.digits();
  return reader.bytes.subarray(from, reader.at);
}

/** Reads what belongs to an instruction that is written as a run. */
function rest(instruction, reader) {
  if (instruction === 0x44) return reader.take(8); // f64.const
  for (let numbers = numbersOf(instruction, reader); numbers > 0; numbers--) reader.digits();
}

function numbersOf(instruction, reader) {
  if (instruction === 0x0e) return reader.number() + 1; // br_table
  if (instruction === 0x11) return 2; // call_indirect
  const more = instruction === 0xfc ? reader.number() : undefined;
  if (more <= 7) return 0; // conversions that saturate
  if (more === 10) return 2; // memory.copy
  if (more === 11) return 1; // memory.fill
  throw new Error(`scripts/streams.mjs does not know the instruction 0x${instruction.toString(16)} ${more ?? ""}.`);
}
