import { NAME } from "../../name.ts";
// What a Worker has verified about a caller, on its way to the object.

/** A request's `cf` is the platform's and the Workers' own: no client can write it, as it could a header. */
export interface Cf {
  readonly cf?: Readonly<Record<string, unknown>>;
}
const VERIFIED = `${NAME}/auth-info`;

/** The request with what its Worker has verified, and with nothing that another one said. */
export function vouchFor(request: Request & Cf, authInfo: object | undefined): Request {
  const { [VERIFIED]: _other, ...cf } = request.cf ?? {};
  return new Request(request, {
    cf: { ...cf, ...(authInfo !== undefined && { [VERIFIED]: JSON.stringify(authInfo) }) },
  } as RequestInit);
}

/** What {@link vouchFor} has put there. */
export function verified({ cf }: Request & Cf): object | undefined {
  const text = cf?.[VERIFIED];
  if (typeof text !== "string") return undefined;
  const authInfo = JSON.parse(text) as { resource?: unknown };
  return typeof authInfo.resource === "string" ? { ...authInfo, resource: new URL(authInfo.resource) } : authInfo;
}
