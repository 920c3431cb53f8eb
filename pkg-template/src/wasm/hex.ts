/** What is used of it; the package needs no types of Node otherwise. */
declare const Buffer: { from(text: string, encoding: "hex"): Uint8Array<ArrayBuffer> } | undefined;

/** The bytes of a text in lower-case hex; `Buffer` reads it at once where there is one. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (typeof Buffer !== "undefined") return Buffer.from(text, "hex");
  const bytes = new Uint8Array(text.length / 2);
  const digit = (at: number): number => {
    const code = text.charCodeAt(at);
    return code < 0x3a ? code - 0x30 : code - 0x57;
  };
  for (let at = 0; at < bytes.length; at++) bytes[at] = digit(2 * at) * 16 + digit(2 * at + 1);
  return bytes;
}
