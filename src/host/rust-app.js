/** The callbacks for a Rust app: it reads the events from its own queue, so it is only notified. */

/**
 * @param {() => void} told called after each event
 * @returns {import("./host.js").App}
 */
export function rustApp(told) {
  const tell = () => told();
  return {
    status: tell,
    refreshed: tell,
    refreshFailed: tell,
    signedOut: tell,
    userChanged: tell,
    traced: tell,
    called: () => {},
    // The app is in the same module.
    onTrap: () => {},
    error: (code, message, reason, failure, retryInMs) =>
      Object.assign(new Error(message), { name: "SessionError", code, reason, failure, retryInMs }),
  };
}
