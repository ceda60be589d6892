import type { CallEvent, RefreshEvent, RefreshFailedEvent, SignOutReason } from "nolapse";
import { element } from "./dom.js";
import type { User } from "./session.js";
import { endings, reasons } from "./words.js";

/** What the filter knows. */
export type Group = "refresh" | "call" | "session";

type Tone = "good" | "warn" | "bad" | "plain";

/** One line of the timeline, before it is drawn. */
export interface Row {
  readonly group: Group;
  /** Facts for tests and styles, as `data-` attributes. */
  readonly data: Readonly<Record<string, string>>;
  readonly title: string;
  readonly tag: string;
  readonly detail: string;
  readonly status: { readonly text: string; readonly tone: Tone };
  /** Milliseconds waited for a token, or `null` where nothing could wait. */
  readonly waited: number | null;
  /** Milliseconds from start to end, or `null` where it took place elsewhere. */
  readonly took: number | null;
  readonly token: string;
}

/** A token was renewed. */
export function refreshRow(event: RefreshEvent): Row {
  const blocking = event.waiting > 0;
  const elsewhere = event.source === "other_tab";
  const why = event.reason === null ? "" : reasons[event.reason];
  return {
    group: "refresh",
    data: {
      kind: event.source === "sign_in" ? "sign_in" : "refresh",
      reason: event.reason ?? "",
      source: event.source,
      blocking: String(blocking),
      waiting: String(event.waiting),
      status: "ok",
    },
    title: event.source === "sign_in" ? "Signed in" : "Refresh",
    tag: elsewhere ? "other tab" : event.source === "sign_in" ? "" : blocking ? "blocking" : "background",
    detail: blocking ? `${why} · ${calls(event.waiting)} waited` : why,
    status: { text: elsewhere ? "Received" : event.source === "sign_in" ? "Granted" : "Renewed", tone: "good" },
    waited: null,
    took: elsewhere ? null : event.durationMs,
    token: `new, ${Math.round(event.expiresIn)} s`,
  };
}

/** A refresh failed; the session goes on. */
export function failedRow(event: RefreshFailedEvent): Row {
  return {
    group: "refresh",
    data: {
      kind: "refresh_failed",
      reason: event.reason,
      cause: event.failure,
      blocking: "false",
      status: event.httpStatus === null ? event.failure : String(event.httpStatus),
    },
    title: "Refresh",
    tag: "failed",
    detail: `${event.failure.replaceAll("_", " ")}, again in ${Math.ceil(event.retryInMs / 1_000)} s`,
    status: { text: event.httpStatus === null ? "No answer" : String(event.httpStatus), tone: "bad" },
    waited: null,
    took: event.durationMs,
    token: "–",
  };
}

/** A call has its answer. */
export function callRow(event: CallEvent): Row {
  const blocked = event.waitedMs > 0;
  const url = new URL(event.url);
  return {
    group: "call",
    data: {
      kind: "call",
      reason: "",
      blocking: String(blocked),
      retried: String(event.retried),
      status: event.httpStatus === null ? "network" : String(event.httpStatus),
    },
    title: `${event.method} ${url.pathname}`,
    tag: event.retried ? "sent twice" : blocked ? "waited" : "",
    detail: url.origin === location.origin ? "this origin" : url.host,
    status: {
      text: event.httpStatus === null ? "No answer" : String(event.httpStatus),
      tone: toneOf(event.httpStatus),
    },
    waited: event.waitedMs,
    took: event.durationMs,
    token: `${Math.floor(event.tokenAgeMs / 1_000)} s old`,
  };
}

/** The session ended. */
export function signedOutRow(reason: SignOutReason): Row {
  return {
    group: "session",
    data: { kind: "signed_out", reason, blocking: "false", status: "ended" },
    title: "Signed out",
    tag: reason.replaceAll("_", " "),
    detail: endings[reason].title,
    status: { text: "Ended", tone: "bad" },
    waited: null,
    took: null,
    token: "dropped",
  };
}

/** The user behind the session is another one. */
export function userChangedRow(event: { readonly user: User }): Row {
  return {
    group: "session",
    data: { kind: "user_changed", reason: "", blocking: "false", status: "changed" },
    title: "Another user",
    tag: "sign-in",
    detail: event.user.email,
    status: { text: "Changed", tone: "warn" },
    waited: null,
    took: null,
    token: "–",
  };
}

/** Draws a row whose end is now; `start` is in seconds on the timeline's own axis. */
export function drawRow(row: Row, at: Date, start: number): HTMLTableRowElement {
  const drawn = element("tr", { role: "row", class: `entry ${row.group}`, "data-testid": "row" });
  for (const [name, value] of Object.entries(row.data)) {
    drawn.setAttribute(`data-${name}`, value);
  }
  const what = element("td", { role: "cell", class: "c-what" }, element("span", { class: "name" }, row.title));
  if (row.tag !== "") {
    what.append(" ", element("span", { class: "tag" }, row.tag));
  }
  if (row.detail !== "") {
    what.append(" ", element("span", { class: "detail" }, row.detail));
  }
  drawn.append(
    cell("c-at", element("time", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hour12: false }))),
    what,
    cell("c-status", element("span", { class: `status ${row.status.tone}` }, row.status.text)),
    cell("c-waited", milliseconds(row.waited), "waited "),
    cell("c-took", milliseconds(row.took), "took "),
    cell("c-token", row.token, "token "),
    element("td", { role: "cell", class: "c-fall" }, drawBar(row, start)),
  );
  return drawn;
}

/** Writes a duration: milliseconds, from a second on in seconds. */
export function milliseconds(value: number | null): string {
  if (value === null) {
    return "–";
  }
  if (value >= 1_000) {
    return `${(value / 1_000).toFixed(value >= 10_000 ? 1 : 2)} s`;
  }
  return `${value > 0 && value < 1 ? "<1" : Math.round(value)} ms`;
}

/** Counts calls in words. */
export const calls = (count: number): string => (count === 1 ? "1 call" : `${count} calls`);

function cell(name: string, content: Node | string, unit = ""): HTMLTableCellElement {
  const created = element("td", { role: "cell", class: name });
  if (unit !== "") {
    // Read where the columns have no headings above them, on a narrow screen.
    created.append(element("span", { class: "unit-word", "aria-hidden": "true" }, unit));
  }
  created.append(content);
  return created;
}

function drawBar(row: Row, start: number): HTMLElement {
  const took = (row.took ?? 0) / 1_000;
  const waited = (row.waited ?? 0) / 1_000;
  const bar = element("span", { class: "bar" });
  bar.style.setProperty("--at", start.toFixed(3));
  bar.style.setProperty("--took", took.toFixed(4));
  if (waited > 0) {
    const part = element("span", { class: "bar-wait" });
    part.style.setProperty("--part", String(took > 0 ? Math.min(1, waited / took) : 1));
    bar.append(part);
  }
  return element("span", { class: "fall", "aria-hidden": "true" }, bar);
}

function toneOf(status: number | null): Tone {
  if (status === null || status >= 500) {
    return "bad";
  }
  return status >= 400 ? "warn" : "good";
}
