/** `npm run generate`: writes the files of `src/generated`. */

import { generateAll } from "../../pkg-template/tools/generate.mjs";
import { setUp } from "./setup.mjs";
import { main, step } from "../../pkg-template/tools/step.mjs";

await main(async () => {
  await setUp();
  await step("generated files", generateAll);
});
