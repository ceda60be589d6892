/** A page with a stub of `fetch`: requests are recorded, and get a response at once. Runs on pages. */

/** @typedef {{ url: string, method: string, authorization: string | null, own: string | null, body: string }} Sent */

/** A listed origin, and one that is not. */
export const LISTED = "https://api.example.com";
export const FOREIGN = "https://foreign.example.net";

/** The platform's functions, before they are replaced. */
const native = window.fetch;

/** The recorded requests, newest last. */
export class Recorder {
  /** @type {Promise<Sent>[]} */
  sent = [];
  /** @type {(request: Request) => Response} */
  answer = () => new Response("{}");

  /** @type {typeof fetch} */
  fetch = async (input, init) => {
    // The request for the module is forwarded and not recorded.
    if (input instanceof URL && input.pathname.endsWith(".wasm")) return native(input, init);
    const request = new Request(input, init);
    const answer = this.answer(request);
    const { url, method, headers } = request;
    const [authorization, own] = [headers.get("authorization"), headers.get("x-own")];
    this.sent.push(request.text().then((body) => ({ url, method, authorization, own, body })));
    return answer;
  };

  /** Returns the requests since its last call. */
  async take() {
    return Promise.all(this.sent.splice(0));
  }
}

/**
 * Opens a session that refreshes by a function, on a page whose requests are recorded.
 *
 * @param {Partial<import("nolapse").SessionOptions>} [options]
 */
export async function openRecorded(options = {}) {
  const recorder = new Recorder();
  window.fetch = recorder.fetch;
  /** @type {typeof import("nolapse")} */
  const { createSession } = await import(/** @type {string} */ ("/nolapse/index.js"));
  let tokens = 0;
  const refresh = async () => ({ access_token: `token.${++tokens}`, expires_in: 3_600 });
  const session = createSession({ auth: { refresh }, allowedOrigins: [LISTED], storageKey: "recorded", ...options });
  await session.ready;
  window.fetch = native;
  return { session, recorder };
}

/**
 * Draws random numbers from a seed.
 *
 * @param {number} seed
 */
export function dice(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

/** Waits for the next millisecond: within that of its grant, a token is new enough for a forced refresh. */
export function nextMillisecond() {
  const begun = performance.now();
  while (performance.now() < begun + 2);
}
