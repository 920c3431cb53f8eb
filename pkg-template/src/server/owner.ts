import type { Extra } from "../tap.ts";
import { isWellFormed, own } from "../json.ts";
import type { Hooks } from "./hooks.ts";

/** A store keeps 512, and the core puts one before the owner of keys. */
const LONGEST = 511;

/**
 * The principal of verified authorization: issuer, subject and audience, never the token, the session or the client's
 * own word (X-SEC-05, X-SEC-06, X-SEC-11). `""` where nothing is authenticated, `undefined` where the subject cannot be
 * told.
 */
function defaultOwner(authInfo: unknown): string | undefined {
  if (authInfo === undefined || authInfo === null) return "";
  const extra = own(authInfo, "extra");
  const claims = [own(extra, "claims"), extra, authInfo];
  const claim = (name: string): unknown => {
    for (const source of claims) {
      const value = own(source, name);
      if (value !== undefined && value !== null && value !== "") return value;
    }
    return undefined;
  };
  const subject = claim("sub") ?? claim("subject");
  const issuer = claim("iss") ?? claim("issuer") ?? "";
  const resource = own(authInfo, "resource") ?? "";
  const audience =
    resource === "" ? audienceOf(claim("aud") ?? "") : resource instanceof URL ? resource.href : resource;
  // What is there and cannot be told from others is no principal.
  if (typeof subject !== "string" || typeof issuer !== "string" || !isAudience(audience)) return undefined;
  const owner = JSON.stringify([issuer, subject, audience]);
  return owner.length <= LONGEST ? owner : undefined;
}

/** An audience may be several, in any order; one alone may stand in a list or not. */
function audienceOf(aud: unknown): unknown {
  if (!Array.isArray(aud)) return aud;
  const all = [...new Set(aud as unknown[])].sort();
  return all.length > 1 ? all : (all[0] ?? "");
}

function isAudience(audience: unknown): audience is string | string[] {
  return typeof audience === "string" || (Array.isArray(audience) && audience.every((one) => typeof one === "string"));
}

/** When the authorization of a request is over, in ms since the epoch; NaN for never. What cannot be read is over. */
export function lapsesAt(extra: Extra): number {
  try {
    const seconds = own(extra?.["authInfo"], "expiresAt");
    return typeof seconds === "number" && Number.isFinite(seconds) ? seconds * 1000 : Number.NaN;
  } catch {
    return 0;
  }
}

/** Tells what belongs to a principal. */
export class Owners {
  readonly #hooks: Hooks;
  readonly #otherwise: (authInfo: unknown) => unknown;

  /** `otherwise`: the principal where the host has no say. */
  constructor(hooks: Hooks, otherwise: (authInfo: unknown) => unknown = defaultOwner) {
    this.#hooks = hooks;
    this.#otherwise = otherwise;
  }

  /**
   * The owner of what a request is about; `undefined` where that cannot be told, also because the host failed to, which
   * is reported.
   */
  of(extra: Extra, sessionId: string | undefined): string | undefined {
    try {
      return this.identify(extra, sessionId);
    } catch (error) {
      this.#hooks.report(error);
      return undefined;
    }
  }

  /** As {@link Owners.of}, for requests that are to be tried again where the host failed. Throws {@link TaskError}. */
  identify(extra: Extra, sessionId: string | undefined): string | undefined {
    const owner = this.#hooks.owner(extra?.["authInfo"], sessionId, this.#otherwise);
    return isOwner(owner) ? owner : undefined;
  }

  /**
   * Whether a request that waits is still authorized for its owner: its token may have expired, or been revoked (H33).
   */
  isStillAuthorized(extra: Extra, owner: string | undefined, sessionId: string | undefined): boolean {
    try {
      return !(lapsesAt(extra) <= Date.now()) && this.of(extra, sessionId) === owner;
    } catch {
      return false;
    }
  }
}

/**
 * Whether a store can keep this owner apart from all others. Those that begin with a control character are the core's
 * own.
 */
function isOwner(owner: unknown): owner is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
  return isWellFormed(owner) && owner.length <= LONGEST && !owner.includes("\0") && !/^[\u0001-\u001f]/.test(owner);
}
