import { Capability } from "../core/codes.ts";
import { isObject, own } from "../json.ts";
import { CREATION_KEY, EXTENSION } from "./names.ts";

/** Declared capabilities as the core's bits; a leaf counts when it is an object (G25-CAP-12, G26-CAP-14). */
export function capabilityBits(capabilities: unknown): number {
  const leaf = (...path: string[]): boolean => isObject(own(capabilities, ...path));
  let bits = 0;
  if (leaf("extensions", EXTENSION)) bits |= Capability.Tasks;
  // A bare `elicitation` means forms.
  if (leaf("elicitation", "form") || (leaf("elicitation") && !leaf("elicitation", "url"))) bits |= Capability.Elicit;
  if (leaf("elicitation", "url")) bits |= Capability.ElicitUrl;
  if (leaf("sampling")) bits |= Capability.Sampling;
  if (leaf("sampling", "tools")) bits |= Capability.SamplingTools;
  if (leaf("roots")) bits |= Capability.Roots;
  return bits;
}

/** What a server says of the creation keys that it takes: for how long it remembers them, in ms. */
export function withKeys(capabilities: object, windowMs: number): object {
  const experimental = { ...(own(capabilities, "experimental") as object | undefined), [CREATION_KEY]: { windowMs } };
  return { ...capabilities, experimental };
}

/** All kinds of input: what is assumed of a client that introduced itself on another connection. */
export const ALL_INPUT: number =
  Capability.Elicit | Capability.ElicitUrl | Capability.Sampling | Capability.SamplingTools | Capability.Roots;
