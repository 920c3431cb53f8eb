import { own, textOf } from "../json.ts";

/**
 * Where a client is connected to, as far as its transport tells: the address of Streamable HTTP without what is behind
 * its `?`, the command of stdio; else the name of the server.
 */
export function endpointOf(client: object): string {
  const { transport } = client as { transport?: object };
  const url = (transport as { _url?: unknown } | undefined)?._url;
  if (url instanceof URL) return url.origin + url.pathname;
  const parameters = (transport as { _serverParams?: unknown } | undefined)?._serverParams;
  const command = textOf(parameters, "command");
  const args = own(parameters, "args");
  if (command !== undefined) return `stdio:${[command, ...(Array.isArray(args) ? args : [])].join(" ")}`;
  const server = (client as { getServerVersion?(): unknown }).getServerVersion?.();
  return `server:${textOf(server, "name") ?? ""}`;
}
