/** Shared by the pages: the API's origin, and the time of the first response. */

/** The API's origin. */
export const origin = new URLSearchParams(location.search).get("api") ?? "";

/**
 * Marks the moment of the first authorised answer and leaves the page's times as `window.told`.
 *
 * @param {Promise<Response>} answer
 */
export function tell(answer) {
  window.told = answer.then(async (response) => {
    performance.mark("answered");
    await response.text();
    // The browser adds the entry for a request shortly after its end.
    while (resource("/notes") === undefined) await new Promise(requestAnimationFrame);
    return { status: response.status, times: times() };
  });
}

/** Milliseconds from the script's first statement to each event; 0 for one that did not occur. */
function times() {
  const start = at("script-start");
  const since = (/** @type {number | undefined} */ time) => (time ? time - start : 0);
  return {
    moduleAsked: since(resource(".wasm")?.startTime),
    moduleHere: since(resource(".wasm")?.responseEnd),
    created: since(at("created")),
    refreshSent: since(resource("/auth/refresh")?.startTime),
    refreshAnswered: since(resource("/auth/refresh")?.responseEnd),
    callSent: since(resource("/notes")?.startTime),
    answered: since(at("answered")),
  };
}

/** @param {string} ending of the path that was asked for */
function resource(ending) {
  const all = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"));
  return all.find(({ name }) => new URL(name).pathname.endsWith(ending));
}

/** @param {string} mark */
function at(mark) {
  return performance.getEntriesByName(mark)[0]?.startTime ?? 0;
}
