import { run } from "../../v1.js";

export const runtime = "edge";
export const GET = async () => new Response((await run()).map((line) => `${line}\n`).join(""));
