import { runsIn } from "./suite.ts";

runsIn("Chromium");
