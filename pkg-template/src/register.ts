// `node --import mcp-longhaul/register`: tasks for servers and clients that cannot be edited.
import { register } from "./registration.ts";

await register();
