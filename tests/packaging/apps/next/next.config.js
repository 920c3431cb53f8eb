import { dirname } from "node:path";

// Next.js itself lies above the project, with the other tools.
export default { turbopack: { root: dirname(dirname(import.meta.dirname)) } };
