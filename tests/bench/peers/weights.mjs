/** Measures the download of each client for calls with a valid token: the client, and the few lines that use it. */

import { sizeOf, total } from "../size.mjs";
import { bundleClient, readEarly, readModule } from "./bundle.mjs";
import { CONTESTANTS, OURS } from "./contestants.mjs";

/** @returns {Promise<Map<string, import("../size.mjs").Size>>} by contestant; ours with its module, and with its script in the head */
export async function measureWeights() {
  const weights = new Map();
  for (const { name, script, isEarly } of CONTESTANTS) {
    const sizes = [sizeOf(await bundleClient(script))];
    if (name === OURS || isEarly) sizes.push(sizeOf(await readModule()));
    if (isEarly) sizes.push(sizeOf(await readEarly()));
    weights.set(name, total(sizes));
  }
  return weights;
}
