/** Records a page's requests over CDP, as the network tab of the developer tools does. */

/**
 * One sent request.
 *
 * @typedef {object} Exchange
 * @property {string} method
 * @property {string} url
 * @property {string} path without the origin and the query
 * @property {Record<string, string>} headers names in lower case
 * @property {string | undefined} body
 * @property {number} sentAt when the page sent it, as the browser reports it: in milliseconds since this process began, as
 *   `performance.now()` counts them
 * @property {number | undefined} status undefined until the response has arrived, or if the network failed
 * @property {Record<string, string>} answerHeaders names in lower case
 * @property {string | undefined} failure the browser's name of the failure
 */

/**
 * Records every request of a page from now on, except preflights.
 *
 * @param {import("puppeteer-core").Page} page
 * @returns {Promise<Network>}
 */
export async function recordNetwork(page) {
  const session = await page.createCDPSession();
  /** @type {Map<string, Exchange>} */
  const exchanges = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request, type, wallTime, redirectResponse }) => {
    if (type === "Preflight") return;
    const before = exchanges.get(requestId);
    if (before && redirectResponse) exchanges.set(`${requestId} before ${request.url}`, before);
    exchanges.set(requestId, {
      method: request.method,
      url: request.url,
      path: new URL(request.url).pathname,
      headers: lowerCase(request.headers),
      body: request.postData,
      sentAt: wallTime * 1_000 - performance.timeOrigin,
      status: undefined,
      answerHeaders: {},
      failure: undefined,
    });
  });
  session.on("Network.responseReceived", ({ requestId, response }) => {
    const exchange = exchanges.get(requestId);
    if (exchange) Object.assign(exchange, { status: response.status, answerHeaders: lowerCase(response.headers) });
  });
  session.on("Network.loadingFailed", ({ requestId, errorText, blockedReason, corsErrorStatus }) => {
    const exchange = exchanges.get(requestId);
    if (exchange) exchange.failure = corsErrorStatus?.corsError ?? blockedReason ?? errorText;
  });
  await session.send("Network.enable");
  return new Network(exchanges);
}

/** The requests of a page since the recording began. */
export class Network {
  /** @type {Map<string, Exchange>} */
  #exchanges;

  /** @param {Map<string, Exchange>} exchanges */
  constructor(exchanges) {
    this.#exchanges = exchanges;
  }

  /** All requests, in the order of sending. */
  all() {
    return [...this.#exchanges.values()].sort((left, right) => left.sentAt - right.sentAt);
  }

  /**
   * The requests to a path, whatever their origin.
   *
   * @param {string} path
   */
  to(path) {
    return this.all().filter((exchange) => exchange.path === path);
  }

  /** The requests that renew the token. */
  refreshes() {
    return this.to("/auth/refresh");
  }

  /**
   * The requests to an origin.
   *
   * @param {string} origin
   */
  toOrigin(origin) {
    return this.all().filter(({ url }) => new URL(url).origin === origin);
  }
}

/** @param {Record<string, unknown>} headers */
function lowerCase(headers) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
