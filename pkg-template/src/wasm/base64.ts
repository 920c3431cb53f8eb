/** What is used of it; the package needs no types of Node otherwise. */
declare const Buffer: { from(text: string, encoding: "base64"): Uint8Array<ArrayBuffer> } | undefined;

/** The bytes of a text in base64; `Buffer` reads it at once where there is one. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return typeof Buffer === "undefined" ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0)) : Buffer.from(text, "base64");
}
