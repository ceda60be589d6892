/** The callbacks for a Rust app. Its events and results are effects that never become commands, so only errors are created. */

/** @returns {Pick<import("./host.js").App, "error" | "onTrap">} */
export function rustApp() {
  return {
    // The app is in the same module.
    onTrap: () => {},
    error: (code, message, reason, failure, retryInMs, _, problem = "") =>
      Object.assign(new Error(message), { name: "SessionError", code, message, reason, failure, retryInMs, problem }),
  };
}
