import { byId } from "./dom.js";

/** Rows that are no further apart than this, in seconds, are one burst of activity. */
const BURST_GAP = 2;

/** The shortest time that an axis spans, in seconds: what takes a tenth of it looks like a tenth. */
const SHORTEST = 0.1;

/** Rows that share an axis because they came together. */
interface Burst {
  from: number;
  to: number;
  readonly rows: HTMLElement[];
}

/** The time axis of the waterfall: one for each burst of activity, or one for all rows that rolls with the time. */
export class Axis {
  readonly #table: HTMLTableElement;
  readonly #choice = byId("span", HTMLSelectElement);
  #burst: Burst = { from: 0, to: Number.NEGATIVE_INFINITY, rows: [] };

  /** Rows take their axis from the properties `--burst-end` and `--burst-span`, or the table's `--now` and `--span`. */
  constructor(table: HTMLTableElement) {
    this.#table = table;
    this.#choice.addEventListener("change", () => this.#choose());
    this.#choose();
  }

  /** Gives a row its place; times are in seconds. */
  include(row: HTMLElement, from: number, to: number): void {
    if (from > this.#burst.to + BURST_GAP) {
      this.#burst = { from, to, rows: [] };
    }
    const burst = this.#burst;
    burst.rows.push(row);
    burst.from = Math.min(burst.from, from);
    burst.to = Math.max(burst.to, to);
    const span = Math.max(SHORTEST, burst.to - burst.from);
    for (const member of burst.rows) {
      member.style.setProperty("--burst-end", (burst.from + span).toFixed(4));
      member.style.setProperty("--burst-span", span.toFixed(4));
    }
  }

  /** Moves a rolling axis to the present moment. */
  roll(now: number): void {
    this.#table.style.setProperty("--now", now.toFixed(3));
  }

  #choose(): void {
    const rolling = this.#choice.value !== "burst";
    this.#table.dataset.axis = rolling ? "rolling" : "burst";
    this.#table.style.setProperty("--span", rolling ? this.#choice.value : "1");
  }
}
