/** `npm run build`: builds the npm package, the demo page and the server. */

import { buildPackage } from "../../pkg-template/build.mjs";
import { buildServer, buildSite } from "./demo-parts.mjs";
import { setUp } from "./setup.mjs";
import { main } from "./step.mjs";

await main(async () => {
  await setUp();
  await buildPackage();
  await buildSite();
  await buildServer();
});
