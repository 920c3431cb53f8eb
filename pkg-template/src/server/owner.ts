import type { Extra } from "../tap.ts";
import { isWellFormed, own, textOf } from "./facts.ts";
import type { Runtime } from "./runtime.ts";

/** A store keeps 512, and the core puts one before the owner of keys. */
const LONGEST = 511;

/**
 * The principal of verified authorization: issuer, subject and audience, never the token, the session or the client's own
 * word (X-SEC-05, X-SEC-06, X-SEC-11). `""` where nothing is authenticated, `undefined` where the subject cannot be told.
 */
export function defaultOwner(authInfo: unknown): string | undefined {
  if (authInfo === undefined || authInfo === null) return "";
  const extra = own(authInfo, "extra");
  const claims = [own(extra, "claims"), extra, authInfo];
  const claim = (name: string): string | undefined => {
    for (const source of claims) {
      const value = textOf(source, name);
      if (value) return value;
    }
    return undefined;
  };
  const subject = claim("sub") ?? claim("subject");
  if (subject === undefined) return undefined;
  const resource = own(authInfo, "resource");
  const audience = resource instanceof URL ? resource.href : (claim("aud") ?? "");
  const owner = JSON.stringify([claim("iss") ?? claim("issuer") ?? "", subject, audience]);
  return owner.length <= LONGEST ? owner : undefined;
}

/** When the authorization of a request is over, in ms since the epoch; NaN for never. */
export function lapsesAt(extra: Extra): number {
  const seconds = own(extra?.["authInfo"], "expiresAt");
  return typeof seconds === "number" && Number.isFinite(seconds) ? seconds * 1000 : Number.NaN;
}

/** Whether a request that waits still speaks for its owner: its token may have expired, or been revoked (H33). */
export function isAuthorized(runtime: Runtime, extra: Extra, owner: string | undefined, sessionId?: string): boolean {
  try {
    return !(lapsesAt(extra) <= Date.now()) && runtime.ownerOf(extra, sessionId) === owner;
  } catch {
    return false;
  }
}

/** Whether a store can keep this owner apart from all others. Those that begin with a control character are the core's own. */
export function isOwner(owner: unknown): owner is string {
  return isWellFormed(owner) && owner.length <= LONGEST && !owner.includes("\0") && !/^[\u0001-\u001f]/.test(owner);
}
