/** `npm run soak`: plays a million random schedules, or the given number, within minutes once it is compiled. */

import { run } from "../../pkg-template/tools/process.mjs";
import { main, Remedy, step } from "../../pkg-template/tools/step.mjs";

/** The number of schedules by default. */
const MILLION = 1_000_000;

await main(async () => {
  const asked = Number(process.argv[2] ?? MILLION);
  if (!Number.isInteger(asked) || asked < 1) throw new Remedy("npm run soak -- NUMBER: a whole number of schedules.");
  // Four tests share them.
  const each = String(Math.ceil(asked / 4));
  await step(`${asked} schedules`, (watch) =>
    run("cargo", ["test", "--profile", "soak", "--package", "nolapse", "--test", "simulation", "schedules::"], {
      env: { NOLAPSE_SCHEDULES: each },
      watch,
    }),
  );
});
