import { byId, say } from "./dom.js";
import { milliseconds } from "./rows.js";

/** Rows that are no further apart than this, in seconds, are one burst of activity. */
const BURST_GAP = 2;

/** The shortest burst that fills the axis, in seconds. */
const SHORTEST = 0.02;

/** The time axis that all bars of the waterfall share: the latest burst of activity, or the last so many seconds. */
export class Axis {
  readonly #table: HTMLTableElement;
  readonly #choice = byId("span", HTMLSelectElement);
  readonly #length = byId("axis-length", HTMLElement);
  #from = 0;
  #to = 0;

  /** `table` carries the axis as the properties `--now` and `--span`. */
  constructor(table: HTMLTableElement) {
    this.#table = table;
    this.#choice.addEventListener("change", () => this.#fit());
  }

  /** Takes a row's begin and end into account, in seconds. */
  include(from: number, to: number): void {
    const continues = from <= this.#to + BURST_GAP;
    this.#from = continues ? Math.min(this.#from, from) : from;
    this.#to = continues ? Math.max(this.#to, to) : to;
    this.#fit();
  }

  /** Moves a rolling axis to the present moment. */
  roll(now: number): void {
    if (this.#seconds > 0) {
      this.#set(now, this.#seconds);
    }
  }

  get #seconds(): number {
    return Number(this.#choice.value);
  }

  #fit(): void {
    if (this.#seconds > 0) {
      say(this.#length, "");
      return;
    }
    const span = Math.max(SHORTEST, this.#to - this.#from);
    this.#set(Math.max(this.#to, this.#from + span), span);
    say(this.#length, this.#to > 0 ? milliseconds(span * 1_000) : "");
  }

  #set(now: number, span: number): void {
    this.#table.style.setProperty("--now", now.toFixed(3));
    this.#table.style.setProperty("--span", span.toFixed(3));
  }
}
