// What a few tests import from inside the package, which publishes no declarations of it.
declare module "mcp-tasks/server/core";
declare module "mcp-tasks/server/facts";
declare module "mcp-tasks/wasm/generated/client";
declare module "mcp-tasks/wasm/generated/server";
