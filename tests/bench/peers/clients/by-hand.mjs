/** A hand-written refresher: one refresh at a time, one retry, one tab, nothing else. */

/** The auth server's origin; the page's own, unless another is set. */
let auth = "";
let token = "";
let expiresAt = 0;
/** @type {Promise<void> | undefined} */
let renewing;

/** @param {{ access_token: string, expires_in: number }} granted */
function take(granted) {
  token = granted.access_token;
  expiresAt = performance.now() + granted.expires_in * 1_000;
}

async function renew() {
  // As text, which needs no preflight.
  const answer = await fetch(`${auth}/auth/refresh`, {
    method: "POST",
    credentials: "include",
    keepalive: true,
    body: JSON.stringify({ version: "2", reason: "load", page: document.visibilityState }),
  });
  if (!answer.ok) throw new Error(`refresh: ${answer.status}`);
  take(await answer.json());
}

/** What a refresh runs in. @type {(refresh: () => Promise<void>) => Promise<void>} */
let around = (refresh) => refresh();

/** From now on, one tab refreshes at a time: two with the same cookie would be treated as reuse. */
export function takeTurns() {
  around = (refresh) => navigator.locks.request("refresh", refresh);
}

function renewOnce() {
  renewing ??= around(renew).finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function freshToken() {
  if (performance.now() >= expiresAt) await renewOnce();
  return token;
}

/**
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 */
export async function authorised(input, init) {
  const request = new Request(input, init);
  request.headers.set("authorization", `Bearer ${await freshToken()}`);
  const response = await fetch(request.clone());
  if (response.status !== 401) return response;
  await renewOnce();
  request.headers.set("authorization", `Bearer ${token}`);
  return fetch(request);
}

/** @type {import("../page.mjs").Client} */
export const byHand = {
  async signIn() {
    const options = /** @type {const} */ ({ method: "POST", credentials: "include", body: '{"version":"2"}' });
    take(await (await fetch(`${servers.auth}/auth/sign-in`, options)).json());
  },
  async open() {
    auth = servers.auth;
    return { call: authorised, token: freshToken };
  },
};
