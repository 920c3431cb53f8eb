import { run } from "./sdk.js";

export default { fetch: async () => new Response((await run()).map((line) => `${line}\n`).join("")) };
