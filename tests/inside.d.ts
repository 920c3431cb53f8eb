// What a few tests import from inside the package, which publishes no declarations of it.
declare module "mcp-longhaul/server/core";
declare module "mcp-longhaul/wire/capabilities";
declare module "mcp-longhaul/wire/methods";
declare module "mcp-longhaul/wasm/generated/client";
declare module "mcp-longhaul/wasm/generated/server";
