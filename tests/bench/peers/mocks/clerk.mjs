/**
 * The part of Clerk's Frontend API that a session needs, at a proxy: what it is configured for, and the client of a browser, which a
 * cookie names and whose session comes with a token. Methods are in a parameter and bodies are forms, so that nothing needs a preflight.
 */

import { bearer, json, secret } from "./server.mjs";

const COOKIE = "__client";
const SESSION = "sess_1";

/** The least of an environment: one session at a time, and no development. */
const ENVIRONMENT = {
  object: "environment",
  id: "env_1",
  auth_config: { object: "auth_config", id: "aconf_1", single_session_mode: true },
  display_config: { object: "display_config", id: "display_config_1", instance_environment_type: "production" },
};

const USER = {
  object: "user",
  id: "ada",
  email_addresses: [],
  phone_numbers: [],
  web3_wallets: [],
  external_accounts: [],
  passkeys: [],
  organization_memberships: [],
};

/**
 * @param {import("./server.mjs").Tokens} tokens
 * @returns {import("./server.mjs").Protocol}
 */
export function clerkProtocol(tokens) {
  /** @type {Set<string>} */
  const clients = new Set();
  const token = () => ({ object: "token", jwt: tokens.issue() });
  /** The session, whose times are in milliseconds. */
  const session = () => ({
    object: "session",
    id: SESSION,
    status: "active",
    expire_at: Date.now() + 86_400_000,
    abandon_at: Date.now() + 86_400_000,
    last_active_at: Date.now(),
    last_active_token: token(),
    last_active_organization_id: null,
    actor: null,
    tasks: null,
    user: USER,
    public_user_data: { user_id: USER.id, identifier: "ada@example.org" },
    created_at: 1,
    updated_at: 1,
  });
  const client = (/** @type {boolean} */ isIn) => ({
    object: "client",
    id: "client_1",
    sessions: isIn ? [session()] : [],
    sign_in: null,
    sign_up: null,
    last_active_session_id: isIn ? SESSION : null,
    cookie_expires_at: null,
    created_at: 1,
    updated_at: 1,
  });
  const isKnown = (/** @type {import("./server.mjs").Call} */ { cookies }) => clients.has(cookies.get(COOKIE) ?? "");

  return {
    routes: {
      "GET /__clerk/v1/environment": () => json(ENVIRONMENT),
      "GET /__clerk/v1/client": (call) => json({ response: client(isKnown(call)), client: null }),
      "POST /__clerk/v1/client/sign_ins": () => {
        const id = secret();
        clients.add(id);
        const signIn = { object: "sign_in", id: "sia_1", status: "complete", created_session_id: SESSION };
        const { headers, ...answer } = json({ response: signIn, client: client(true) });
        return { ...answer, headers: { ...headers, "set-cookie": `${COOKIE}=${id}; HttpOnly; SameSite=Lax; Path=/` } };
      },
      [`POST /__clerk/v1/client/sessions/${SESSION}/touch`]: (call) =>
        isKnown(call) ? json({ response: session(), client: client(true) }) : json({ errors: [] }, 401),
      [`POST /__clerk/v1/client/sessions/${SESSION}/tokens`]: (call) =>
        isKnown(call) ? json(token()) : json({ errors: [] }, 401),
    },
    tokenOf: bearer,
  };
}
