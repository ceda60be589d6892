/** The same with the SDK. */

import { createSession } from "nolapse";

import { origin, tell } from "./page.mjs";

/** The SDK's session, then its first call. */
async function first() {
  const session = createSession({ auth: location.origin, allowedOrigins: [origin] });
  session.ready.then(() => performance.mark("created"));
  return session.fetch(`${origin}/notes`);
}

tell(first());
