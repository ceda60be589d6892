import type { Api } from "./api.js";
import type { Config } from "./config.js";
import { control } from "./control.js";
import { byId, element, say } from "./dom.js";
import type { Notes } from "./notes.js";
import { isPushed, type PushSwitch } from "./push.js";
import { calls, milliseconds } from "./rows.js";
import { AnswerError, type AppSession, type Role } from "./session.js";
import { explain } from "./words.js";

const BURST = 50;
const OUTAGE_SECONDS = 30;
const AWAY_LIVES = [1, 2, 5];

/** Everything that the visitor can do while signed in. */
export class Controls {
  readonly #session: AppSession;
  readonly #api: Api;
  readonly #notes: Notes;
  readonly #config: Config;
  readonly #push: PushSwitch;
  readonly #role = byId("role-choice", HTMLSelectElement);
  readonly #lives = byId("away-lives", HTMLSelectElement);

  /** Wires each control. */
  constructor(session: AppSession, api: Api, notes: Notes, config: Config, push: PushSwitch) {
    this.#session = session;
    this.#api = api;
    this.#notes = notes;
    this.#config = config;
    this.#push = push;
    this.#wireCalls();
    this.#wireAbsence();
    this.#wireServer();
    this.#wireSignOut();
    control("delete", () => this.#deleteAccount());
    for (const lever of document.querySelectorAll<HTMLElement>("[data-lever]")) {
      lever.hidden = !config.demo;
    }
  }

  /** Offers the role that the user does not have. */
  offerRole(current: Role): void {
    this.#role.value = current === "admin" ? "member" : "admin";
  }

  #wireCalls(): void {
    control("call", async () => {
      const begun = performance.now();
      const count = await this.#notes.load();
      return `${count === 1 ? "1 note" : `${count} notes`} in ${milliseconds(performance.now() - begun)}.`;
    });
    control("burst", () => this.#burst());
    control("admin", async () => {
      try {
        const { api_accepted: accepted = 0 } = await this.#api.report();
        return `200: the API has accepted ${calls(accepted)} so far.`;
      } catch (error) {
        if (error instanceof AnswerError && error.status === 403) {
          return "403: the token says member.";
        }
        throw error;
      }
    });
  }

  #wireAbsence(): void {
    for (const lives of AWAY_LIVES) {
      const seconds = Math.ceil(lives * this.#config.token_life);
      this.#lives.append(
        element(
          "option",
          { value: String(seconds) },
          `${lives === 1 ? "one token life" : `${lives} token lives`} (${seconds} s)`,
        ),
      );
    }
    const awayResult = control("away", async () => {
      const seconds = Math.max(Number(this.#lives.value), Math.ceil(this.#session.expiresIn)) + 1;
      location.assign(`/away.html?seconds=${seconds}`);
      return "On the way out…";
    });
    // The browser may bring this very page back from its cache.
    addEventListener("pageshow", () => awayResult.say(""));
    control("tab", async () => {
      open("/", "_blank", "noopener");
      return "Opened: it is signed in already.";
    });
  }

  #wireServer(): void {
    control("role", async () => {
      const role: Role = this.#role.value === "admin" ? "admin" : "member";
      await this.#api.changeRole(role);
      return `The server says ${role} from now on; your token will at its next refresh.`;
    });
    control(
      "refresh",
      async () => {
        const begun = performance.now();
        await this.#session.refresh({ force: true });
        const { status } = this.#session;
        const role = status.state === "signed_in" ? `: the token says ${status.user.role}` : "";
        return `Renewed in ${milliseconds(performance.now() - begun)}${role}.`;
      },
      "role",
    );
    const outage = control("outage", async () => {
      await this.#api.breakAuthServer(OUTAGE_SECONDS);
      const until = Date.now() + OUTAGE_SECONDS * 1_000;
      setTimeout(() => outage.say("The auth server is back."), until - Date.now());
      return `Down until ${new Date(until).toLocaleTimeString([], { hour12: false })}.`;
    });
    control("steal", async () => {
      const error = await this.#api.stealCookie();
      return error === null
        ? "It got a token: this session is not bound to a key."
        : `401 ${error}: worthless without the key. You go on.`;
    });
    control("revoke-self", async () => {
      const { status } = this.#session;
      if (status.state !== "signed_in") {
        return "Nobody is signed in.";
      }
      this.#push.begin();
      await this.#api.revokeFromElsewhere(status.sessionId);
      if (isPushed()) {
        return "Revoked. The push stream tells every tab of this browser.";
      }
      return `Revoked. This page does not know yet; it will within ${Math.ceil(this.#session.expiresIn)} s.`;
    });
  }

  #wireSignOut(): void {
    const signOut = async (options: { everywhere?: boolean; atProvider?: boolean }): Promise<string> => {
      const { serverNotified } = await this.#session.signOut(options);
      return serverNotified ? "" : "Signed out here; the auth server is told as soon as it can be reached.";
    };
    control("sign-out", () => signOut({}));
    control("sign-out-everywhere", () => signOut({ everywhere: true }), "sign-out");
    control("sign-out-provider", () => signOut({ atProvider: true }), "sign-out");
  }

  async #deleteAccount(): Promise<string> {
    if (!confirm("Delete this account, with its notes and its sessions?")) {
      return "Nothing was deleted.";
    }
    try {
      await this.#api.deleteAccount();
    } catch (error) {
      // RFC 9470: the token is good, the sign-in behind it is too old.
      if (error instanceof AnswerError && error.code === "insufficient_user_authentication") {
        return "401: you signed in too long ago for this. Sign out, sign in, and try again.";
      }
      throw error;
    }
    await this.#session.signOut();
    return "";
  }

  async #burst(): Promise<string> {
    let refreshes = 0;
    const stop = this.#session.on("refresh", (event) => {
      refreshes += event.source === "this_tab" ? 1 : 0;
    });
    const begun = performance.now();
    const answers = await Promise.allSettled(Array.from({ length: BURST }, () => this.#api.notes()));
    stop();
    const took = milliseconds(performance.now() - begun);
    const failed = answers.filter((answer) => answer.status === "rejected");
    const because = failed[0] === undefined ? "" : ` (${explain(failed[0].reason)})`;
    const verb = refreshes === 1 ? "1 refresh" : `${refreshes} refreshes`;
    return `${calls(BURST)}, ${BURST - failed.length} answered${because}, ${verb}, ${took} in all.`;
  }
}

/** Empties every result, for the next user. */
export function forgetResults(): void {
  for (const output of document.querySelectorAll("output.result")) {
    say(output, "");
  }
}
