import type { Passkeys } from "nolapse/passkeys";
import { byId, say } from "./dom.js";
import type { AppSession } from "./session.js";
import { explain } from "./words.js";

/** Asks the visitor to show once more who they are, and for the code of a second factor. */
export class StepUp {
  readonly #session: AppSession;
  readonly #passkeys: Passkeys;
  readonly #dialog = byId("step-up", HTMLDialogElement);
  readonly #form = byId("step-up-form", HTMLFormElement);
  readonly #password = byId("step-up-password", HTMLInputElement);
  readonly #code = byId("step-up-code", HTMLInputElement);
  readonly #error = byId("step-up-error", HTMLElement);
  readonly #withPasskey = byId("step-up-passkey", HTMLButtonElement);
  #ask: () => Promise<void> = () => Promise.resolve();

  /** Listens for what APIs require: calls wait for the dialog. */
  constructor(session: AppSession, passkeys: Passkeys) {
    this.#session = session;
    this.#passkeys = passkeys;
    session.on("step_up_required", ({ waitUntil }) => waitUntil(this.prove()));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try(this.#ask);
    });
    this.#withPasskey.addEventListener("click", () => void this.#try(() => this.#passkeys.stepUp()));
    byId("step-up-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close("cancelled"));
  }

  /** Authenticates the visitor again; rejects if they would not. */
  prove(): Promise<void> {
    return this.#open(true, () => {
      const [password, code] = [this.#password.value, this.#code.value];
      return this.#session.stepUp({ ...(password !== "" && { password }), ...(code !== "" && { code }) });
    });
  }

  /** Asks for a code; rejects if there is none. */
  async code(): Promise<string> {
    await this.#open(false, () => Promise.resolve());
    return this.#code.value;
  }

  /** Opens the dialog, and waits until it is closed by what succeeded. */
  #open(isStepUp: boolean, ask: () => Promise<void>): Promise<void> {
    this.#ask = ask;
    this.#form.reset();
    say(this.#error, "");
    byId("step-up-password-field", HTMLElement).hidden = !isStepUp;
    this.#withPasskey.hidden = !isStepUp;
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    return new Promise((resolve, reject) => {
      const close = (): void => {
        if (this.#dialog.returnValue === "done") {
          resolve();
        } else {
          reject(new DOMException("the visitor cancelled", "AbortError"));
        }
      };
      this.#dialog.addEventListener("close", close, { once: true });
    });
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#dialog.close("done");
    } catch (error) {
      say(this.#error, explain(error));
    }
  }
}
