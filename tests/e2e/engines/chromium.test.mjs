import { chromium } from "../harness/engines.mjs";
import { playCore } from "./core.mjs";

await playCore(chromium);
