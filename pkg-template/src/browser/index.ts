// Everything of the package as plain ES modules, for pages without a bundler.
export * from "./client.ts";
export * from "./server.ts";
