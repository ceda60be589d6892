/** A refresher as one writes it by hand: one refresh at a time, one retry, one tab, nothing else. */

import { origin, tell } from "./page.mjs";

let token = "";
let expiresAt = 0;
/** @type {Promise<void> | undefined} */
let renewing;

async function renew() {
  const answer = await fetch("/auth/refresh", {
    method: "POST",
    keepalive: true,
    headers: { "content-type": "application/json", "nolapse-version": "1" },
    body: JSON.stringify({ reason: "load", page: document.visibilityState }),
  });
  if (!answer.ok) throw new Error(`refresh: ${answer.status}`);
  const granted = await answer.json();
  token = granted.access_token;
  expiresAt = performance.now() + granted.expires_in * 1_000;
}

function renewOnce() {
  renewing ??= renew().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

/**
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 */
async function authorised(input, init) {
  const request = new Request(input, init);
  if (performance.now() >= expiresAt) await renewOnce();
  request.headers.set("authorization", `Bearer ${token}`);
  const response = await fetch(request.clone());
  if (response.status !== 401) return response;
  await renewOnce();
  request.headers.set("authorization", `Bearer ${token}`);
  return fetch(request);
}

tell(authorised(`${origin}/notes`));
