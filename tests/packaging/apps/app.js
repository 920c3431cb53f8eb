import { run } from "./sdk.js";

run().then(
  (lines) => console.log(lines.join("\n")),
  (error) => console.log(`${error.code}: ${error.message}`),
);
