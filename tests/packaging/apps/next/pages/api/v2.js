import { run } from "../../v2.js";

export const config = { runtime: "edge" };
export default async () => new Response((await run()).map((line) => `${line}\n`).join(""));
