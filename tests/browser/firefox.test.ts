import { runsIn } from "./suite.ts";

runsIn("Firefox");
