/** JWK Sets as a page fetches them; the module parses them. */

import { createKeySetCache } from "./key-set-cache.js";

const cache = createKeySetCache({
  read: (text) => text,
  // A copy on the way would lengthen the life of a revoked key.
  init: { redirect: "error", credentials: "omit", cache: "no-cache" },
});

/** Returns a key set that may be used now, or rejects. */
export const cachedKeys = cache.cached;

/** Returns a key set that is newer than the cached one, if it is time to fetch one. */
export const refetchedKeys = cache.refetched;
