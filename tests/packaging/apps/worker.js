import { run } from "./sdk.js";

export default {
  fetch: async () => {
    const lines = await run().catch((error) => [`${error.code}: ${error.message}`]);
    return new Response(lines.map((line) => `${line}\n`).join(""));
  },
};
