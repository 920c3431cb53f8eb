// Prints what each check of a peer found, one JSON object a line.
import { check as run } from "../findings.ts";

export async function check(name: string, story: () => Promise<string>): Promise<void> {
  console.log(JSON.stringify(await run(name, story)));
}
