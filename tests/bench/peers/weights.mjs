/** Measures the download of each client for calls with a valid token: the client, and the few lines that use it. */

import { sizeOf, total } from "../size.mjs";
import { bundleClient, readModule } from "./bundle.mjs";
import { CONTESTANTS, OURS } from "./contestants.mjs";

/** @returns {Promise<Map<string, import("../size.mjs").Size>>} by contestant; ours with its module */
export async function measureWeights() {
  const weights = new Map();
  for (const { name, script } of CONTESTANTS) {
    const sizes = [sizeOf(await bundleClient(script))];
    if (name === OURS) sizes.push(sizeOf(await readModule()));
    weights.set(name, total(sizes));
  }
  return weights;
}
