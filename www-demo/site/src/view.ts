import { isSessionError, type SessionStatus, type SignOutReason } from "nolapse";
import { byId, say } from "./dom.js";
import type { User } from "./session.js";
import { causes, endings } from "./words.js";

type Status = SessionStatus<User>;

type Tone = "plain" | "farewell" | "ended";

/** Shows where the session stands: which part of the page is visible, who is signed in, and why nobody is any more. */
export class View {
  readonly #state = byId("state", HTMLElement);
  readonly #degraded = byId("degraded", HTMLElement);
  readonly #notice = byId("notice", HTMLElement);
  readonly #parts = {
    unknown: byId("view-unknown", HTMLElement),
    signed_out: byId("view-signed-out", HTMLElement),
    signed_in: byId("view-signed-in", HTMLElement),
  };
  #last: Status["state"] = "unknown";

  constructor() {
    byId("notice-close", HTMLButtonElement).addEventListener("click", () => {
      this.#notice.hidden = true;
      byId("main", HTMLElement).focus();
    });
  }

  /** Shows a status; `recorded` says whether the timeline has something to show to a visitor who is signed out. */
  show(status: Status, recorded: boolean): void {
    for (const [state, part] of Object.entries(this.#parts)) {
      part.hidden = state !== status.state;
    }
    const signedIn = status.state === "signed_in";
    byId("controls", HTMLElement).hidden = !signedIn;
    const workspace = byId("workspace", HTMLElement);
    workspace.hidden = status.state === "unknown" || !(signedIn || recorded);
    workspace.classList.toggle("monitor-only", !signedIn);

    this.#parts.signed_out.classList.toggle("again", status.state === "signed_out" && status.reason !== null);
    this.#state.dataset.state = status.state;
    this.#state.dataset.degraded = String(status.failure !== null);
    say(byId("state-text", HTMLElement), stateWords(status));
    this.#showDegraded(status);
    if (status.state === "signed_in") {
      this.#showUser(status.user, status.sessionId);
    }
    if (status.state !== this.#last) {
      this.#moved(status);
    } else if (status.state === "signed_out" && status.reason !== null) {
      // The auth server is told after the tabs are.
      say(byId("notice-detail", HTMLElement), farewell(status.reason, status.serverNotified));
    }
    this.#last = status.state;
  }

  /** Puts a notice above everything else; one about the session's end takes the focus, whose place is gone. */
  notify(title: string, detail: string, tone: Tone = "plain"): void {
    this.#notice.dataset.tone = tone;
    this.#notice.hidden = false;
    say(byId("notice-title", HTMLElement), title);
    say(byId("notice-detail", HTMLElement), detail);
    if (tone !== "plain") {
      this.#notice.focus();
    }
  }

  /** Says why there is no session object at all. */
  fail(error: unknown): void {
    for (const part of Object.values(this.#parts)) {
      part.hidden = true;
    }
    const failure = byId("view-failed", HTMLElement);
    failure.hidden = false;
    this.#state.dataset.state = "failed";
    say(byId("state-text", HTMLElement), "Not started");
    say(byId("failed-detail", HTMLElement), failureWords(error));
    byId("reload", HTMLButtonElement).addEventListener("click", () => location.reload());
    failure.focus();
  }

  #showUser(user: User, sessionId: string): void {
    this.#showEmail(user.email);
    const role = byId("role-shown", HTMLElement);
    say(role, user.role);
    role.dataset.role = user.role;
    const shown = byId("session-shown", HTMLElement);
    say(shown, `${sessionId.slice(0, 8)}…`);
    shown.title = sessionId;
  }

  /** Lets a long address break before its host, not within a word. */
  #showEmail(email: string): void {
    const shown = byId("email-shown", HTMLElement);
    if (shown.textContent !== email) {
      const host = Math.max(0, email.lastIndexOf("@"));
      shown.replaceChildren(email.slice(0, host), document.createElement("wbr"), email.slice(host));
    }
  }

  #showDegraded(status: Status): void {
    this.#degraded.hidden = status.failure === null;
    this.#degraded.dataset.cause = status.failure === null ? "" : status.failure;
    const consequence =
      status.state === "unknown"
        ? "Whether you are signed in is not known yet; it is tried again by itself."
        : "You stay signed in. The token is used while it lives, and the refresh is tried again by itself.";
    say(this.#degraded, status.failure === null ? "" : `Degraded: ${causes[status.failure]}. ${consequence}`);
  }

  #moved(status: Status): void {
    switch (status.state) {
      case "unknown":
        return;
      case "signed_in":
        if (this.#notice.dataset.tone !== "plain") {
          this.#notice.hidden = true;
        }
        // On load nobody asked for the focus to move; after a sign-in the form it was in is gone.
        if (this.#last === "signed_out") {
          byId("who-title", HTMLElement).focus();
        }
        return;
      case "signed_out":
        if (status.reason !== null) {
          const tone = status.reason === "signed_out" ? "farewell" : "ended";
          this.notify(endings[status.reason].title, farewell(status.reason, status.serverNotified), tone);
        }
    }
  }
}

function farewell(reason: SignOutReason, isServerTold: boolean): string {
  const { detail } = endings[reason];
  return isServerTold
    ? detail
    : `${detail} The auth server could not be told yet; it will be as soon as it can be reached.`;
}

function stateWords(status: Status): string {
  switch (status.state) {
    case "unknown":
      return "Finding out";
    case "signed_out":
      return "Signed out";
    case "signed_in":
      return status.failure === null ? "Signed in" : "Signed in, degraded";
  }
}

function failureWords(error: unknown): string {
  if (isSessionError(error, "load_failed")) {
    return "A part of this page could not be downloaded. It may be the network; trying again helps then.";
  }
  if (isSessionError(error, "unsupported")) {
    return "This browser, or its policy, does not allow WebAssembly, which this page needs.";
  }
  return error instanceof Error ? error.message : "The reason is not known.";
}
