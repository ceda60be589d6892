import { Axis } from "./axis.js";
import { byId, element, say } from "./dom.js";
import { callRow, drawRow, failedRow, refreshRow, signedOutRow, userChangedRow, type Row } from "./rows.js";
import type { AppSession } from "./session.js";

const KEPT_ROWS = 200;

const FILTERS = ["all", "refresh", "call"] as const;

type Filter = (typeof FILTERS)[number];

/** A row that waits for the pause to end. */
interface Held {
  readonly row: Row;
  readonly at: Date;
  readonly start: number;
}

/** The monitor: what the SDK's own events tell, newest on top. */
export class Timeline {
  readonly #rows = byId("rows", HTMLTableSectionElement);
  readonly #table = byId("timeline", HTMLTableElement);
  readonly #count = byId("count", HTMLElement);
  readonly #empty = byId("empty", HTMLElement);
  readonly #pause = byId("pause", HTMLButtonElement);
  readonly #axis = new Axis(this.#table);
  readonly #filters = [...document.querySelectorAll<HTMLButtonElement>("button[data-filter]")];
  readonly #origin = Date.now();
  #held: Held[] = [];
  #filter: Filter = "all";
  #paused = false;
  #lastSweep = 0;

  /** Listens to everything that the session tells. */
  constructor(session: AppSession) {
    session.on("refresh", (event) => this.#add(refreshRow(event)));
    session.on("refresh_failed", (event) => this.#add(failedRow(event)));
    session.on("signed_out", (event) => this.#add(signedOutRow(event.reason)));
    session.on("user_changed", (event) => this.#add(userChangedRow(event)));
    session.on("call", (event) => this.#add(callRow(event)));

    for (const button of this.#filters) {
      button.addEventListener("click", () => this.#show(button.dataset.filter));
    }
    this.#pause.addEventListener("click", () => this.#togglePause());
    byId("clear", HTMLButtonElement).addEventListener("click", () => this.#clear());
    keepTable(this.#table);
    this.#tell();
  }

  /** Whether there is anything to look at. */
  get hasRows(): boolean {
    return this.#rows.childElementCount > 0;
  }

  /** Moves the waterfall to the present moment; called at each animation frame. */
  draw(): void {
    const now = this.#seconds();
    if (this.#paused || now - this.#lastSweep < 0.2) {
      return;
    }
    this.#lastSweep = now;
    this.#axis.roll(now);
  }

  #add(row: Row): void {
    const held = { row, at: new Date(), start: this.#seconds() - (row.took ?? 0) / 1_000 };
    if (this.#paused) {
      this.#held.push(held);
      this.#held.splice(0, this.#held.length - KEPT_ROWS);
    } else {
      this.#place(held);
    }
    this.#tell();
  }

  #place({ row, at, start }: Held): void {
    const drawn = drawRow(row, at, start);
    this.#rows.prepend(drawn);
    this.#axis.include(drawn, start, start + (row.took ?? 0) / 1_000);
    while (this.#rows.childElementCount > KEPT_ROWS) {
      this.#rows.lastElementChild?.remove();
    }
  }

  #togglePause(): void {
    this.#paused = !this.#paused;
    this.#pause.setAttribute("aria-pressed", String(this.#paused));
    for (const held of this.#paused ? [] : this.#held) {
      this.#place(held);
    }
    if (!this.#paused) {
      this.#held = [];
    }
    this.#tell();
  }

  #clear(): void {
    this.#rows.replaceChildren();
    this.#held = [];
    this.#tell();
  }

  #show(wanted: string | undefined): void {
    this.#filter = FILTERS.find((filter) => filter === wanted) ?? "all";
    this.#table.dataset.show = this.#filter;
    for (const button of this.#filters) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === this.#filter));
    }
    this.#tell();
  }

  #tell(): void {
    const refreshes = this.#number('[data-kind="refresh"]');
    const blocking = this.#number('[data-kind="refresh"][data-blocking="true"]');
    const failed = this.#number('[data-kind="refresh_failed"]');
    const made = this.#number(".call");
    this.#count.replaceChildren(
      element("strong", {}, String(refreshes)),
      ` ${refreshes === 1 ? "refresh" : "refreshes"}, ${blocking} blocking${failed === 0 ? "" : `, ${failed} failed`} · `,
      element("strong", {}, String(made)),
      ` ${made === 1 ? "call" : "calls"}${this.#held.length === 0 ? "" : ` · ${this.#held.length} held back`}`,
    );
    say(this.#pause, this.#paused ? "Resume" : "Pause");
    const shown = this.#filter === "all" ? this.#rows.childElementCount : this.#number(`.${this.#filter}`);
    this.#empty.hidden = shown > 0;
    this.#table.classList.toggle("bare", shown === 0);
  }

  #number(selector: string): number {
    return this.#rows.querySelectorAll(selector).length;
  }

  #seconds(): number {
    return (Date.now() - this.#origin) / 1_000;
  }
}

/** Says in roles what the markup says, because browsers have dropped a table's meaning with its layout. */
function keepTable(table: HTMLTableElement): void {
  const roles = { thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader" };
  table.setAttribute("role", "table");
  for (const [tag, role] of Object.entries(roles)) {
    for (const part of table.querySelectorAll(tag)) {
      part.setAttribute("role", role);
    }
  }
}
