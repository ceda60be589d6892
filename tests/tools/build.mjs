/** `npm run build`: builds the npm package, the demo page and the server. */

import { buildPackage } from "../../pkg-template/build.mjs";
import { main } from "../../pkg-template/tools/step.mjs";
import { buildServer, buildSite } from "./demo-parts.mjs";
import { setUp } from "./setup.mjs";

await main(async () => {
  await setUp();
  await buildPackage();
  await buildSite();
  await buildServer("server");
});
