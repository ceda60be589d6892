/** The part of Supabase Auth that a session needs: a password or a refresh token for tokens, which are in the body. */

import { bearer, json, secret } from "./server.mjs";

/**
 * @param {import("./server.mjs").Tokens} tokens
 * @returns {import("./server.mjs").Protocol}
 */
export function supabaseProtocol(tokens) {
  /** @type {Set<string>} */
  const secrets = new Set();
  const user = {
    id: "ada",
    aud: "authenticated",
    role: "authenticated",
    email: "ada@example.org",
    app_metadata: { provider: "email" },
    user_metadata: {},
    created_at: "2026-01-01T00:00:00Z",
  };
  const granted = () => {
    const next = secret(12);
    secrets.add(next);
    return json({
      access_token: tokens.issue(),
      token_type: "bearer",
      expires_in: tokens.life,
      expires_at: Math.floor(Date.now() / 1_000) + tokens.life,
      refresh_token: next,
      user,
    });
  };
  return {
    routes: {
      "POST /auth/v1/token": ({ url, headers, body }) => {
        if (headers.apikey === undefined) return json({ message: "No API key found in request" }, 401);
        if (url.searchParams.get("grant_type") === "password") return granted();
        const isKnown = secrets.delete(JSON.parse(body).refresh_token);
        return isKnown ? granted() : json({ code: 400, error_code: "refresh_token_not_found" }, 400);
      },
    },
    tokenOf: bearer,
  };
}
