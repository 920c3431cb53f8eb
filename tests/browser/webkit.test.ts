import { runsIn } from "./suite.ts";

runsIn("WebKit");
