// Who the visitor is, by the SDK's OAuth: what it needs to keep between the page and the authorization server.
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthTokens,
} from "@modelcontextprotocol/client";

const PREFIX = "oauth:";

/** Tokens stay in this tab; they go when it is closed. */
export class BrowserOAuth implements OAuthClientProvider {
  readonly #server: string;

  constructor(server: string) {
    this.#server = server;
  }

  get redirectUrl(): string {
    return location.origin + location.pathname;
  }

  get clientMetadata(): OAuthClientMetadata {
    return {
      client_name: "mcp-longhaul console",
      redirect_uris: [this.redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
    };
  }

  state(): string {
    const state = crypto.randomUUID();
    sessionStorage.setItem(`${PREFIX}state`, JSON.stringify({ state, server: this.#server }));
    return state;
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#read("client");
  }

  saveClientInformation(information: OAuthClientInformationMixed): void {
    this.#write("client", information);
  }

  tokens(): OAuthTokens | undefined {
    return this.#read("tokens");
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#write("tokens", tokens);
  }

  redirectToAuthorization(url: URL): void {
    if (url.protocol === "https:" || url.hostname === "localhost" || url.hostname === "127.0.0.1") location.assign(url);
  }

  saveCodeVerifier(verifier: string): void {
    this.#write("verifier", verifier);
  }

  codeVerifier(): string {
    return this.#read("verifier") ?? "";
  }

  #read<Value>(name: string): Value | undefined {
    const text = sessionStorage.getItem(`${PREFIX}${name}:${this.#server}`);
    return text === null ? undefined : (JSON.parse(text) as Value);
  }

  #write(name: string, value: unknown): void {
    sessionStorage.setItem(`${PREFIX}${name}:${this.#server}`, JSON.stringify(value));
  }
}

/** The server for which the authorization server has sent the visitor back, and its code; taken out of the address. */
export function returned(): { readonly server: string; readonly code: string } | undefined {
  const query = new URLSearchParams(location.search);
  const [code, state] = [query.get("code"), query.get("state")];
  if (code === null) return undefined;
  history.replaceState(undefined, "", location.pathname);
  const kept = sessionStorage.getItem(`${PREFIX}state`);
  sessionStorage.removeItem(`${PREFIX}state`);
  const asked = kept === null ? undefined : (JSON.parse(kept) as { state: string; server: string });
  return asked !== undefined && asked.state === state ? { server: asked.server, code } : undefined;
}
