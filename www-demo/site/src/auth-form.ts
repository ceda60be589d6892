import { isSessionError } from "nolapse";
import type { Passkeys, Totp } from "nolapse/passkeys";
import { byId, say } from "./dom.js";
import type { AppSession } from "./session.js";
import { explain } from "./words.js";

/** E-mail and password, as typed. */
interface Credentials {
  readonly email: string;
  readonly password: string;
}

const SHORTEST_PASSWORD = 8;

type Mode = "sign-up" | "sign-in";

const WORDS = {
  "sign-up": { title: "Create an account", submit: "Create account", autocomplete: "new-password" },
  "sign-in": { title: "Welcome back", submit: "Sign in", autocomplete: "current-password" },
} as const;

/** The card that signs up or in. */
export class AuthForm {
  readonly #session: AppSession;
  readonly #passkeys: Passkeys;
  readonly #totp: Totp;
  readonly #askCode: () => Promise<string>;
  readonly #form = byId("auth-form", HTMLFormElement);
  readonly #email = byId("email", HTMLInputElement);
  readonly #password = byId("password", HTMLInputElement);
  readonly #error = byId("auth-error", HTMLElement);
  readonly #submit = byId("auth-submit", HTMLButtonElement);
  readonly #reveal = byId("reveal", HTMLButtonElement);
  readonly #modes = {
    "sign-up": byId("mode-sign-up", HTMLButtonElement),
    "sign-in": byId("mode-sign-in", HTMLButtonElement),
  };
  #mode: Mode = "sign-up";
  #busy = false;

  /** Wires the form to the session. */
  constructor(session: AppSession, passkeys: Passkeys, totp: Totp, askCode: () => Promise<string>) {
    this.#session = session;
    this.#passkeys = passkeys;
    this.#totp = totp;
    this.#askCode = askCode;
    this.#modes["sign-up"].addEventListener("click", () => this.show("sign-up"));
    this.#modes["sign-in"].addEventListener("click", () => this.show("sign-in"));
    this.#reveal.addEventListener("click", () => this.#showPassword(this.#password.type === "password"));
    const invent = (): Promise<void> => this.#session.signUp({ ...inventAccount() });
    byId("throwaway", HTMLButtonElement).addEventListener("click", () => void this.#run(invent));
    byId("with-passkey", HTMLButtonElement).addEventListener("click", () => this.#usePasskey());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitTyped();
    });
  }

  /** Turns the card to signing up or to signing in. */
  show(mode: Mode): void {
    this.#mode = mode;
    this.#modes["sign-up"].setAttribute("aria-pressed", String(mode === "sign-up"));
    this.#modes["sign-in"].setAttribute("aria-pressed", String(mode === "sign-in"));
    say(byId("auth-title", HTMLElement), WORDS[mode].title);
    say(this.#submit, WORDS[mode].submit);
    this.#password.autocomplete = WORDS[mode].autocomplete;
    byId("password-hint", HTMLElement).hidden = mode === "sign-in";
    this.#complain("");
  }

  #submitTyped(): void {
    const credentials = { email: this.#email.value.trim(), password: this.#password.value };
    if (credentials.email === "" || !this.#email.validity.valid) {
      this.#complain("This does not look like an e-mail address.", this.#email);
    } else if (credentials.password === "") {
      this.#complain("A password is needed.", this.#password);
    } else if (this.#mode === "sign-up" && [...credentials.password].length < SHORTEST_PASSWORD) {
      this.#complain(`The password needs at least ${SHORTEST_PASSWORD} characters.`, this.#password);
    } else {
      const isNew = this.#mode === "sign-up";
      void this.#run(() => (isNew ? this.#session.signUp({ ...credentials }) : this.#signIn(credentials)));
    }
  }

  #usePasskey(): void {
    const email = this.#email.value.trim();
    if (this.#mode === "sign-in") {
      void this.#run(() => this.#passkeys.signIn());
    } else if (email === "" || !this.#email.validity.valid) {
      this.#complain("A new account needs an e-mail address.", this.#email);
    } else {
      void this.#run(() => this.#passkeys.signUp({ email }));
    }
  }

  /** Signs in, with the code of a second factor if the account has one. */
  async #signIn(credentials: Credentials): Promise<void> {
    try {
      await this.#session.signIn({ ...credentials });
    } catch (error) {
      if (!isSessionError(error, "sign_in_refused") || error.problem !== "second_factor_required") {
        throw error;
      }
      await this.#totp.signIn({ ...credentials }, this.#askCode);
    }
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.#busy) {
      return;
    }
    this.#setBusy(true);
    this.#complain("");
    try {
      await work();
      this.#form.reset();
      this.#showPassword(false);
      this.show("sign-in");
    } catch (error) {
      this.#complain(explain(error), this.#submit);
    } finally {
      this.#setBusy(false);
    }
  }

  #complain(text: string, culprit?: HTMLElement): void {
    say(this.#error, text);
    this.#email.setAttribute("aria-invalid", String(culprit === this.#email));
    this.#password.setAttribute("aria-invalid", String(culprit === this.#password));
    if (culprit instanceof HTMLInputElement) {
      culprit.focus();
    }
  }

  #showPassword(visible: boolean): void {
    this.#password.type = visible ? "text" : "password";
    this.#reveal.setAttribute("aria-pressed", String(visible));
    say(this.#reveal, visible ? "Hide" : "Show");
  }

  #setBusy(busy: boolean): void {
    this.#busy = busy;
    this.#form.setAttribute("aria-busy", String(busy));
    this.#submit.setAttribute("aria-disabled", String(busy));
  }
}

/** Creates credentials for a throw-away account. */
function inventAccount(): Credentials {
  const random = (): string => crypto.randomUUID().replaceAll("-", "");
  return { email: `visitor-${random().slice(0, 8)}@example.com`, password: random() };
}
