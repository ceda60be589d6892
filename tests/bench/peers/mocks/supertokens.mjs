/**
 * The session API of SuperTokens' backends: tokens in cookies or in headers, by `st-auth-mode`, their claims
 * for scripts in `front-token`, and protection from CSRF by the custom header `rid`.
 */

import { bearer, json, secret } from "./server.mjs";

const REFRESH_PATH = "/auth/session/refresh";

/** @typedef {import("./server.mjs").Call} Call */

/**
 * @param {import("./server.mjs").Tokens} tokens
 * @returns {import("./server.mjs").Protocol}
 */
export function supertokensProtocol(tokens) {
  /** @type {Set<string>} */
  const secrets = new Set();

  /** @param {Call} call */
  const granted = ({ headers }) => {
    const access = tokens.issue();
    const refresh = secret();
    secrets.add(refresh);
    const answer = json({ status: "OK" });
    const iat = Math.floor(Date.now() / 1_000);
    const up = { sub: "ada", iat, exp: iat + tokens.life };
    const front = { uid: "ada", ate: Date.now() + tokens.life * 1_000, up };
    const kept =
      headers["st-auth-mode"] === "header"
        ? { "st-access-token": access, "st-refresh-token": refresh }
        : {
            "set-cookie": [
              `sAccessToken=${access}; HttpOnly; SameSite=Lax; Path=/; Max-Age=86400`,
              `sRefreshToken=${refresh}; HttpOnly; SameSite=Lax; Path=${REFRESH_PATH}; Max-Age=86400`,
            ],
          };
    const frontToken = Buffer.from(JSON.stringify(front)).toString("base64");
    return { ...answer, headers: { ...answer.headers, "front-token": frontToken, ...kept } };
  };

  return {
    routes: {
      "POST /auth/signin": (call) => granted(call),
      [`POST ${REFRESH_PATH}`]: (call) => {
        const isGuarded = call.headers.rid !== undefined;
        const isKnown = secrets.delete(call.cookies.get("sRefreshToken") ?? bearer(call) ?? "");
        return isGuarded && isKnown ? granted(call) : json({ message: "unauthorised" }, 401);
      },
    },
    tokenOf: (call) => {
      const inCookie = call.headers.rid === undefined ? undefined : call.cookies.get("sAccessToken");
      return inCookie ?? bearer(call);
    },
  };
}
