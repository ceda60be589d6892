import { byId } from "./dom.js";
import { milliseconds } from "./rows.js";
import type { View } from "./view.js";

/** Where the choice is kept, for all tabs that are opened from now on. */
const KEY = "nolapse-demo-push";

/** Whether the visitor has switched the push stream on. */
export function isPushed(): boolean {
  return localStorage.getItem(KEY) === "on";
}

/** The switch of the push stream, and how long a revocation took to arrive. */
export class PushSwitch {
  readonly #view: View;
  #revokedAt = Number.NaN;

  /** Wires the switch; the option is one of `createSession`, so the page starts again. */
  constructor(view: View) {
    this.#view = view;
    const control = byId("control-push", HTMLInputElement);
    control.checked = isPushed();
    control.addEventListener("change", () => {
      localStorage.setItem(KEY, control.checked ? "on" : "off");
      location.reload();
    });
  }

  /** Begins to count: the server is asked for the revocation now. */
  begin(): void {
    this.#revokedAt = performance.now();
  }

  /** Says how long it took until this page knew. */
  tell(): void {
    const took = performance.now() - this.#revokedAt;
    if (Number.isNaN(took)) {
      return;
    }
    this.#revokedAt = Number.NaN;
    const how = isPushed() ? "The push stream told it" : "Its next refresh was refused";
    this.#view.notify("This session was revoked.", `${how}, ${milliseconds(took)} after you revoked it.`, "ended");
  }
}
