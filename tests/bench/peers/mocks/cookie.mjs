/** The reference protocol of nolapse, as `src/wire.rs` defines it; the hand-written refreshers use it too. */

import { bearer, json, secret } from "./server.mjs";

const COOKIE = "__Host-Http-nolapse";

/**
 * @param {import("./server.mjs").Tokens} tokens
 * @returns {import("./server.mjs").Protocol}
 */
export function cookieProtocol(tokens) {
  /** @type {Set<string>} */
  const secrets = new Set();
  const granted = () => {
    const next = secret();
    secrets.add(next);
    const answer = json({
      access_token: tokens.issue(),
      token_type: "Bearer",
      expires_in: tokens.life,
      session: { id: "1", user: { id: "ada", email: "ada@example.org", role: "user" } },
    });
    const cookie = `${COOKIE}=${next}; HttpOnly; Secure; SameSite=Strict; Path=/; Max-Age=86400`;
    return { ...answer, headers: { ...answer.headers, "set-cookie": cookie } };
  };
  // Version 1 has a header, version 2 a member of the body.
  const isOurs = (/** @type {import("./server.mjs").Call} */ { headers, body }) =>
    headers["nolapse-version"] === "1" || JSON.parse(body).version === "2";
  return {
    routes: {
      "POST /auth/sign-in": (call) => (isOurs(call) ? granted() : json({ error: "forbidden_origin" }, 403)),
      "POST /auth/refresh": (call) => {
        if (!isOurs(call)) return json({ error: "forbidden_origin" }, 403);
        const isKnown = secrets.delete(call.cookies.get(COOKIE) ?? "");
        return isKnown ? granted() : json({ error: "session_ended", reason: "no_cookie" }, 401);
      },
    },
    tokenOf: bearer,
  };
}
