import { run as v1 } from "../../v1.js";
import { run as v2 } from "../../v2.js";

export const runtime = "edge";
export const GET = async (_, { params }) =>
  new Response((await { v1, v2 }[(await params).sdk]()).map((line) => `${line}\n`).join(""));
