import { byId, element, say } from "./dom.js";
import type { AppSession } from "./session.js";
import { explain } from "./words.js";

/** A provider that the auth server knows. */
interface Provider {
  readonly name: string;
  readonly label: string;
}

/** Where the display is kept from page to page, for this browser alone. */
const POPUP_KEY = "nolapse-demo-popup";

/** The buttons that sign in through a provider, in the card that signs up or in. */
export class Providers {
  readonly #session: AppSession;
  readonly #section = byId("providers", HTMLElement);
  readonly #error = byId("provider-error", HTMLElement);
  readonly #popup = byId("provider-popup", HTMLInputElement);

  /** Finds the providers; without any, the card stays as it was. */
  constructor(session: AppSession) {
    this.#session = session;
    this.#popup.checked = sessionStorage.getItem(POPUP_KEY) === "1";
    this.#popup.addEventListener("change", () => sessionStorage.setItem(POPUP_KEY, this.#popup.checked ? "1" : "0"));
    void this.#offer();
    void session.ready.then(() => this.#explain(session.signInError));
  }

  async #offer(): Promise<void> {
    const response = await fetch("/auth/providers").catch(() => null);
    const body: { providers: Provider[] } = response?.ok ? await response.json() : { providers: [] };
    const list = byId("provider-list", HTMLElement);
    list.replaceChildren(...body.providers.map((provider) => this.#button(provider)));
    this.#section.hidden = body.providers.length === 0;
    byId("control-sign-out-provider", HTMLButtonElement).hidden = body.providers.length === 0;
  }

  #button({ name, label }: Provider): HTMLElement {
    const button = element("button", { type: "button" }, `Sign in with ${label}`);
    button.dataset.testid = `provider-${name}`;
    button.addEventListener("click", () => {
      this.#explain(null);
      const display = this.#popup.checked ? "popup" : "redirect";
      this.#session.signIn({ provider: name, display }).catch((error: unknown) => this.#explain(error));
    });
    return button;
  }

  #explain(error: unknown): void {
    // The user came back by the back button.
    const isBack = error instanceof DOMException && error.name === "AbortError";
    say(this.#error, error === null || isBack ? "" : explain(error));
  }
}
