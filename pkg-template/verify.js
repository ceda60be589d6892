import { entry, messageOf, SessionError } from "./facade.js";
import * as glue from "./nolapse_verify.js";

export { isSessionError, SessionEnded, SessionError } from "./facade.js";

const { createSession, loadOnce } = /* @__PURE__ */ entry(
  glue,
  () => new URL("nolapse_verify_bg.wasm", import.meta.url),
);

export { createSession };

/**
 * @param {Pick<import("./index.js").Session, "getToken">} session
 * @param {import("./verify.js").ClaimsOptions} options
 */
export async function claims(session, { jwks, issuer, audience }) {
  const [token] = await Promise.all([session.getToken(), loadOnce()]);
  try {
    const keys = typeof jwks === "string" || jwks instanceof URL ? await download(jwks) : jwks;
    return glue.verifyToken(token, keys, issuer, audience);
  } catch (cause) {
    throw new SessionError("misconfigured", messageOf(cause), { cause });
  }
}

/** @param {string | URL} url */
async function download(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the key set was answered with status ${answer.status}`);
  return answer.json();
}
