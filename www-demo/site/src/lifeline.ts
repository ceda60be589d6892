import { byId, element, say } from "./dom.js";
import type { AppSession } from "./session.js";

/** Token lives that the strip shows of the past, and of what is to come. */
const PAST_LIVES = 3;
const COMING_LIVES = 1;

/**
 * The strip above the timeline: each token's life, overlapping the next one's, and the calls that they carried. The
 * present is a line with the future on its right, where the next refresh is planned.
 */
export class Lifeline {
  readonly #strip = byId("lifeline", HTMLElement);
  readonly #tokens = byId("lane-tokens", HTMLElement);
  readonly #calls = byId("lane-calls", HTMLElement);
  readonly #origin = Date.now();
  readonly #past: number;
  #current: HTMLElement | null = null;
  #lane = 0;
  #lastSweep = 0;

  /** Listens to the session's events; `life` is the token's life in seconds. */
  constructor(session: AppSession, life: number) {
    this.#past = PAST_LIVES * life;
    this.#strip.style.setProperty("--past", String(this.#past));
    this.#strip.style.setProperty("--span", String((PAST_LIVES + COMING_LIVES) * life));
    for (const [index, label] of [...this.#strip.querySelectorAll(".scale > span")].entries()) {
      const seconds = Math.round((index - PAST_LIVES) * life);
      say(label, seconds === 0 ? "now" : `${seconds > 0 ? "+" : "\u2212"}${Math.abs(seconds)} s`);
    }
    session.on("refresh", (event) => {
      const begun = this.#seconds() - event.durationMs / 1_000;
      this.#begin(begun, event.expiresIn, event.refreshIn, event.waiting > 0);
    });
    session.on("refresh_failed", () => this.#mark(this.#tokens, "failed", 0));
    session.on("signed_out", () => this.#end());
    session.on("call", (event) => {
      const refused = event.httpStatus === null || event.httpStatus >= 400;
      this.#mark(this.#calls, refused ? "failed" : event.waitedMs > 0 ? "waited" : "sent", event.durationMs / 1_000);
    });
  }

  /** Moves the strip to the present moment and forgets what has left it; called at each animation frame. */
  draw(): void {
    const now = this.#seconds();
    if (now - this.#lastSweep < 0.1) {
      return;
    }
    this.#lastSweep = now;
    this.#strip.style.setProperty("--now", now.toFixed(2));
    for (const mark of [...this.#tokens.children, ...this.#calls.children]) {
      if (mark instanceof HTMLElement && Number(mark.dataset.until) < now - this.#past) {
        mark.remove();
      }
    }
  }

  #begin(begun: number, life: number, renewal: number, blocking: boolean): void {
    this.#end();
    this.#lane = 1 - this.#lane;
    const bar = element(
      "span",
      { class: `life current lane-${this.#lane}${blocking ? " blocking" : ""}` },
      element("span", { class: "used" }),
      element("span", { class: "plan" }),
    );
    bar.style.setProperty("--at", begun.toFixed(2));
    bar.style.setProperty("--life", life.toFixed(2));
    bar.style.setProperty("--plan", (renewal / life).toFixed(4));
    bar.dataset.until = String(begun + life);
    this.#tokens.append(bar);
    this.#current = bar;
  }

  /** The token gives way to the next one, or to none: what it had left stays as a pale tail. */
  #end(): void {
    if (this.#current !== null) {
      this.#current.style.setProperty("--ended", this.#seconds().toFixed(2));
      this.#current.classList.remove("current");
    }
    this.#current = null;
  }

  #mark(lane: HTMLElement, tone: string, took: number): void {
    const at = this.#seconds() - took;
    const mark = element("span", { class: `dot ${tone}` });
    mark.style.setProperty("--at", at.toFixed(2));
    mark.dataset.until = String(at);
    lane.append(mark);
  }

  #seconds(): number {
    return (Date.now() - this.#origin) / 1_000;
  }
}
