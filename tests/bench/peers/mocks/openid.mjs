/**
 * An OpenID provider: authorization code with PKCE, silent authorization by a message to the parent frame, and refresh
 * tokens. Auth0's token endpoint has a path of its own; the other client discovers its path.
 */

import { createHash } from "node:crypto";

import { bearer, json, jwt, secret } from "./server.mjs";

/** The user agent is signed in at the provider. */
const COOKIE = "bench-provider";

/** What a code was asked for with, and a refresh token keeps. @typedef {{ clientId: string, scope: string, nonce: string | undefined, challenge: string, redirectUri: string }} Grant */

/**
 * @param {import("./server.mjs").Tokens} tokens
 * @returns {import("./server.mjs").Protocol}
 */
export function openidProtocol(tokens) {
  /** @type {Map<string, Grant>} */
  const codes = new Map();
  /** Refresh tokens are not rotated: what is measured is time. @type {Map<string, Grant>} */
  const refreshTokens = new Map();

  /** @param {string} origin @param {Grant} grant @param {string | undefined} [refreshToken] */
  const granted = (origin, { clientId, scope, nonce }, refreshToken) => {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = { iss: `${origin}/`, sub: "ada", aud: clientId, iat, exp: iat + 36_000, nonce };
    return json({
      access_token: tokens.issue(),
      id_token: jwt({ alg: "RS256", typ: "JWT", kid: "1" }, claims),
      refresh_token: refreshToken,
      token_type: "Bearer",
      expires_in: tokens.life,
      scope,
    });
  };

  return {
    routes: {
      "GET /.well-known/openid-configuration": ({ url: { origin } }) =>
        json({
          issuer: `${origin}/`,
          authorization_endpoint: `${origin}/authorize`,
          token_endpoint: `${origin}/oauth/token`,
          jwks_uri: `${origin}/.well-known/jwks.json`,
        }),
      "GET /authorize": ({ url: { searchParams: asked }, page, cookies }) => {
        const code = secret();
        const redirectUri = asked.get("redirect_uri") ?? "";
        if (!redirectUri.startsWith(`${page}/`)) return json({ error: "invalid_request" }, 400);
        codes.set(code, {
          clientId: asked.get("client_id") ?? "",
          scope: asked.get("scope") ?? "",
          nonce: asked.get("nonce") ?? undefined,
          challenge: asked.get("code_challenge") ?? "",
          redirectUri,
        });
        const response = { code, state: asked.get("state") ?? "" };
        if (asked.get("response_mode") === "web_message") {
          return message(page, cookies.has(COOKIE) ? response : { ...response, error: "login_required" });
        }
        const location = `${redirectUri}?${new URLSearchParams(response)}`;
        return { status: 302, headers: { location, "set-cookie": `${COOKIE}=1; HttpOnly; SameSite=Lax; Path=/` } };
      },
      "POST /oauth/token": ({ url: { origin }, body }) => {
        const asked = new URLSearchParams(body);
        if (asked.get("grant_type") === "refresh_token") {
          const refreshToken = asked.get("refresh_token") ?? "";
          const grant = refreshTokens.get(refreshToken);
          return grant ? granted(origin, grant, refreshToken) : json({ error: "invalid_grant" }, 400);
        }
        const grant = codes.get(asked.get("code") ?? "");
        codes.delete(asked.get("code") ?? "");
        if (!grant || !isProven(grant, asked)) return json({ error: "invalid_grant" }, 400);
        const refreshToken = grant.scope.includes("offline_access") ? secret() : undefined;
        // OpenID Connect Core §12.2: the token of a refresh should have no nonce.
        if (refreshToken) refreshTokens.set(refreshToken, { ...grant, nonce: undefined });
        return granted(origin, grant, refreshToken);
      },
    },
    tokenOf: bearer,
  };
}

/**
 * Whether the verifier matches the code's challenge (RFC 7636 §4.6).
 *
 * @param {Grant} grant
 * @param {URLSearchParams} asked
 */
function isProven({ challenge, clientId, redirectUri }, asked) {
  const verifier = createHash("sha256").update(asked.get("code_verifier") ?? "");
  return (
    verifier.digest("base64url") === challenge &&
    asked.get("client_id") === clientId &&
    asked.get("redirect_uri") === redirectUri
  );
}

/**
 * The page of a hidden frame, which posts the response to its parent.
 *
 * @param {string} page the origin of the parent
 * @param {object} response
 * @returns {import("./server.mjs").Answer}
 */
function message(page, response) {
  const told = JSON.stringify({ type: "authorization_response", response });
  const body = `<!doctype html><script>parent.postMessage(${told}, ${JSON.stringify(page)})</script>`;
  return { status: 200, headers: { "content-type": "text/html" }, body };
}
