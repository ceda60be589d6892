import type { TraceEntry } from "nolapse";
import { byId, element } from "./dom.js";
import type { AppSession } from "./session.js";

/** The panel with the session's last transitions; drawn only while it is open. */
export function showTrace(session: AppSession): void {
  const panel = byId("trace", HTMLDetailsElement);
  const rows = byId("trace-rows", HTMLTableSectionElement);
  let asked = false;

  const draw = (): void => {
    asked = false;
    if (panel.open) {
      rows.replaceChildren(...session.trace().map(drawEntry).reverse());
    }
  };
  panel.addEventListener("toggle", draw);
  session.on("trace", () => {
    if (panel.open && !asked) {
      asked = true;
      queueMicrotask(draw);
    }
  });
}

function drawEntry(entry: TraceEntry): HTMLTableRowElement {
  const row = element("tr", {}, element("td", {}, `${(entry.atMs / 1_000).toFixed(3)} s`));
  for (const value of [entry.trigger, entry.status, entry.tab, entry.page, entry.attempt, entry.outcome]) {
    row.append(element("td", {}, value === null ? "–" : String(value)));
  }
  return row;
}
