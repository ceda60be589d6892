/** `npm run fuzz`: fuzzes each target for ten minutes; `npm run fuzz -- 3600 token` one of them for an hour. */

import { main, Remedy } from "../../pkg-template/tools/step.mjs";
import { fuzz, TARGETS } from "./fuzz-targets.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  const [seconds = "600", ...targets] = process.argv.slice(2);
  const unknown = targets.find((target) => !TARGETS.includes(target));
  if (!/^[1-9]\d*$/.test(seconds) || unknown) {
    throw new Remedy(`npm run fuzz -- SECONDS TARGET …: whole seconds, then any of ${TARGETS.join(", ")}.`);
  }
  await setUp();
  await fuzz(Number(seconds), targets.length > 0 ? targets : TARGETS);
});
