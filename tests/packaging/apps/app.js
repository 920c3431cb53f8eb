import { run } from "./sdk.js";

run().then(
  (lines) => {
    for (const line of lines) console.log(line);
  },
  (error) => console.log(`${error.code}: ${error.message}`),
);
