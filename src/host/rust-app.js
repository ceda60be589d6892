/** What a host tells an app that is written in Rust: it looks for itself what has happened, so it is only woken. */

/**
 * @param {() => void} told hears that something has happened
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
    error: (code, message, reason, failure, retryIn) =>
      Object.assign(new Error(message), { name: "SessionError", code, reason, failure, retryIn }),
  };
}
