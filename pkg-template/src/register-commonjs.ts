// `node --require mcp-longhaul/register`: the same for CommonJS, which cannot wait for what was imported before.
import { register } from "./registration.ts";

void register();
