import { createEntry } from "./facade.js";
import * as glue from "./nolapse.js";

export { isSessionError, SessionEnded, SessionError } from "./facade.js";

export const { createSession } = /* @__PURE__ */ createEntry(
  glue,
  () => new URL("nolapse_bg.wasm", import.meta.url),
  () => import("./nolapse_js.js"),
);
