import { byId, element } from "./dom.js";
import type { AppSession } from "./session.js";

const SPAN_SECONDS = 240;

/** A token's life on the strip. */
interface Life {
  readonly bar: HTMLElement;
  readonly begun: number;
  readonly seconds: number;
}

/** The strip above the timeline: each token's life, overlapping the next one's, and the calls that they carried. */
export class Lifeline {
  readonly #strip = byId("lifeline", HTMLElement);
  readonly #tokens = byId("lane-tokens", HTMLElement);
  readonly #calls = byId("lane-calls", HTMLElement);
  readonly #origin = Date.now();
  #current: Life | null = null;
  #lane = 0;
  #lastSweep = 0;

  /** Listens to the session's events. */
  constructor(session: AppSession) {
    this.#strip.style.setProperty("--span", String(SPAN_SECONDS));
    session.on("refresh", (event) => this.#begin(event.duration / 1_000, event.expiresIn, event.waiting > 0));
    session.on("refresh-failed", () => this.#tokens.append(this.#dot("failed", 0)));
    session.on("signed-out", () => this.#end());
    session.on("call", (event) => {
      const tone =
        event.httpStatus === null || event.httpStatus >= 400 ? "failed" : event.waited > 0 ? "waited" : "sent";
      this.#calls.append(this.#dot(tone, event.duration / 1_000));
    });
  }

  /** Moves the strip to the present moment and forgets what has left it; called at each animation frame. */
  draw(): void {
    const now = this.#seconds();
    if (now - this.#lastSweep < 0.25) {
      return;
    }
    this.#lastSweep = now;
    this.#strip.style.setProperty("--now", now.toFixed(2));
    for (const lane of [this.#tokens, this.#calls]) {
      this.#forget(lane, now);
    }
  }

  #begin(took: number, seconds: number, blocking: boolean): void {
    this.#end();
    const begun = this.#seconds() - took;
    this.#lane = (this.#lane + 1) % 2;
    const bar = element(
      "span",
      { class: `life lane-${this.#lane}${blocking ? " blocking" : ""}` },
      element("span", { class: "used" }),
    );
    bar.style.setProperty("--at", begun.toFixed(2));
    bar.style.setProperty("--life", seconds.toFixed(2));
    bar.style.setProperty("--used", "1");
    bar.dataset.until = String(begun + seconds);
    this.#tokens.append(bar);
    this.#current = { bar, begun, seconds };
  }

  /** The token gives way to the next one, or to none: what it had left stays as a pale tail. */
  #end(): void {
    if (this.#current !== null) {
      const { bar, begun, seconds } = this.#current;
      bar.style.setProperty("--used", Math.min(1, (this.#seconds() - begun) / seconds).toFixed(4));
    }
    this.#current = null;
  }

  #dot(tone: string, took: number): HTMLElement {
    const dot = element("span", { class: `dot ${tone}` });
    const at = this.#seconds() - took;
    dot.style.setProperty("--at", at.toFixed(2));
    dot.dataset.until = String(at);
    return dot;
  }

  #forget(lane: HTMLElement, now: number): void {
    for (const mark of [...lane.children]) {
      if (mark instanceof HTMLElement && Number(mark.dataset.until) < now - SPAN_SECONDS) {
        mark.remove();
      }
    }
  }

  #seconds(): number {
    return (Date.now() - this.#origin) / 1_000;
  }
}
