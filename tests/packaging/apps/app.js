import { run } from "./sdk.js";

run().then(
  (lines) => lines.forEach((line) => console.log(line)),
  (error) => console.log(`${error.code}: ${error.message}`),
);
