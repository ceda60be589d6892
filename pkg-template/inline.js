import { createEntry } from "./facade.js";
import * as glue from "./nolapse.js";
import base64 from "./nolapse_bytes.js";

export { isSessionError, SessionEnded, SessionError } from "./facade.js";

/** Made when it is needed and not before. */
function bytes() {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

// What loads the module takes bytes as it takes a URL.
export const { createSession } = /* @__PURE__ */ createEntry(
  glue,
  /** @type {() => never} */ (bytes),
  () => import("./nolapse_js.js"),
);
