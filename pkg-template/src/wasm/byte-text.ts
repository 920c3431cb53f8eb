/**
 * Bytes as a text of printable ASCII: the most frequent ones are a character each, the others two. It is little larger
 * than the bytes, and gzip finds in it what it finds in them.
 */
export interface ByteText {
  /** How many bytes they are. */
  readonly length: number;
  /** All values of a byte in the order of {@link codes}, the most frequent one first. */
  readonly order: readonly number[];
  readonly text: string;
}

/** All that a string takes as they are, ascending. */
const CHARACTERS = [..."#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"];

/** From here on a character is the first of two. */
const FIRST_OF_TWO = "}";

/** What stands for a byte, by its place in {@link ByteText.order}. */
export function codes(): string[] {
  const firsts = CHARACTERS.filter((character) => character >= FIRST_OF_TWO);
  const singles = CHARACTERS.filter((character) => character < FIRST_OF_TWO);
  return [...singles, ...firsts.flatMap((first) => CHARACTERS.map((second) => first + second))];
}

/** The bytes of a text. */
export function toBytes({ length, order, text }: ByteText): Uint8Array<ArrayBuffer> {
  // By the number of the character, and where it is the first of two, by both numbers.
  const byteOf = new Uint8Array(2 ** 14);
  codes().forEach((code, place) => {
    byteOf[numberOf(code)] = order[place] ?? 0;
  });
  const bytes = new Uint8Array(length);
  const first = FIRST_OF_TWO.charCodeAt(0);
  let at = 0;
  // A single plain loop: it runs once in a process, before anything is optimised.
  for (let place = 0; place < length; place++) {
    let code = text.charCodeAt(at++);
    if (code >= first) code = code * 128 + text.charCodeAt(at++);
    bytes[place] = byteOf[code] ?? 0;
  }
  return bytes;
}

function numberOf(code: string): number {
  return code.length === 1 ? code.charCodeAt(0) : code.charCodeAt(0) * 128 + code.charCodeAt(1);
}
