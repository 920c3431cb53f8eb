// Who calls: a token that is signed with a secret. Put the check of your identity provider in its place.
import type { AuthInfo } from "@modelcontextprotocol/server";
import { jwtVerify } from "jose";

/**
 * Answers 401 where the token is not good. Who brings none, or where there is no secret, is served as nobody in
 * particular.
 */
export async function authenticated(
  request: Request,
  secret: string | undefined,
  serve: (authInfo?: AuthInfo) => Promise<Response>,
): Promise<Response> {
  const token = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined || secret === undefined) return serve();
  let authInfo: AuthInfo;
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      audience: "edge",
      requiredClaims: ["sub", "exp"],
    });
    authInfo = {
      token,
      clientId: payload.sub!,
      scopes: [],
      expiresAt: payload.exp!,
      extra: { iss: payload.iss, sub: payload.sub },
    };
  } catch {
    return new Response("This token is not good here.", {
      status: 401,
      headers: { "www-authenticate": 'Bearer error="invalid_token"' },
    });
  }
  return serve(authInfo);
}
