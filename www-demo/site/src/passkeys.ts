import { isPasskeyError, type Passkey, type Passkeys, type Totp } from "nolapse/passkeys";
import { control, onPress, type Result } from "./control.js";
import { byId, element, say } from "./dom.js";
import type { StepUp } from "./step-up.js";

/** What the account can be signed in to with: passkeys, and a second factor for its password. */
export class Credentials {
  readonly #passkeys: Passkeys;
  readonly #totp: Totp;
  readonly #stepUp: StepUp;
  readonly #list = byId("passkeys", HTMLUListElement);
  readonly #secret = byId("totp-secret", HTMLElement);
  readonly #result: Result;

  /** Wires the buttons. */
  constructor(passkeys: Passkeys, totp: Totp, stepUp: StepUp) {
    this.#passkeys = passkeys;
    this.#totp = totp;
    this.#stepUp = stepUp;
    this.#result = control("passkey", () => this.#add());
    control("totp", () => this.#enrol());
  }

  /** Forgets what was shown, for the next user. */
  forget(): void {
    this.#list.replaceChildren();
    say(this.#secret, "");
    this.#result.say("");
  }

  async #add(): Promise<string> {
    await this.#recently(() => this.#passkeys.add({ name: "Passkey of this demo" }));
    await this.#load();
    return "Added. Sign out, and sign in without a password.";
  }

  async #load(): Promise<void> {
    const all = await this.#passkeys.list();
    this.#list.replaceChildren(...all.map((passkey) => this.#draw(passkey)));
  }

  #draw(passkey: Passkey): HTMLLIElement {
    const remove = element("button", { type: "button", class: "quiet", "data-testid": "passkey-remove" }, "Remove");
    remove.setAttribute("aria-label", `Remove ${passkey.name}, ${passkey.id.slice(0, 8)}`);
    onPress(remove, this.#result, async () => {
      await this.#recently(() => this.#passkeys.remove(passkey.id));
      await this.#load();
      return "Removed: no sign-in with it from now on.";
    });
    const when = passkey.createdAt.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
    const name = element("p", { class: "device-name" }, passkey.name);
    const since = element("p", { class: "device-when" }, `since ${when}`);
    return element("li", { "data-testid": "passkey" }, element("div", {}, name, since), remove);
  }

  async #enrol(): Promise<string> {
    const { secret } = await this.#recently(() => this.#totp.begin());
    say(this.#secret, `Type this into your authenticator app: ${secret}`);
    const codes = await this.#totp.confirm(await this.#stepUp.code());
    say(this.#secret, `Keep these recovery codes: ${codes.join(", ")}`);
    return "From now on the password alone opens nothing.";
  }

  /** Runs what needs a recent authentication, once more after a step-up. */
  async #recently<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isPasskeyError(error, "insufficient_user_authentication")) {
        throw error;
      }
      await this.#stepUp.prove();
      return work();
    }
  }
}
