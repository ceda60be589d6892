import { firefox } from "../harness/engines.mjs";
import { playCore } from "./core.mjs";

await playCore(firefox);
