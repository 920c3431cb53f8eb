/** Faults that are known and about to be mended; the fuzzers pass over them until then. */
const KNOWN = [/ heard of /, /no TaskError: /];

export const isKnown = (fault: string): boolean => KNOWN.some((known) => known.test(fault));
