import type { Api, Device } from "./api.js";
import { control, onPress, type Result } from "./control.js";
import { byId, element } from "./dom.js";
import { isPushed } from "./push.js";

/** The user's sessions, each with a button that ends it. */
export class Devices {
  readonly #api: Api;
  readonly #list = byId("devices", HTMLUListElement);
  readonly #result: Result;

  /** Wires the button that lists them. */
  constructor(api: Api) {
    this.#api = api;
    this.#result = control("devices", () => this.#load());
  }

  /** Forgets what was shown, for the next user. */
  forget(): void {
    this.#list.replaceChildren();
    this.#result.say("");
  }

  async #load(): Promise<string> {
    const devices = await this.#api.devices();
    this.#list.replaceChildren(...devices.map((device) => this.#draw(device)));
    return devices.length === 1 ? "One session: this one." : `${devices.length} sessions.`;
  }

  #draw(device: Device): HTMLLIElement {
    const name = device.device === "" ? "Unknown device" : device.device;
    const revoke = element("button", { type: "button", class: "quiet", "data-testid": "device-revoke" }, "Revoke");
    revoke.setAttribute("aria-label", `Revoke ${name}, ${device.id.slice(0, 8)}`);
    onPress(revoke, this.#result, async () => {
      await this.#api.revoke(device.id);
      await this.#load();
      byId("control-devices", HTMLButtonElement).focus();
      const when = isPushed() ? "at once, if its page is in view" : "at its next refresh";
      return device.current ? `Revoked: this page finds out ${when}.` : `Revoked: that device finds out ${when}.`;
    });
    const title = element("p", { class: "device-name" }, name);
    if (device.current) {
      title.append(" ", element("span", { class: "tag" }, "this one"));
    }
    const when = `since ${clock(device.created_at)}, last seen ${clock(device.last_seen_at)}`;
    return element(
      "li",
      { "data-testid": "device", "data-session": device.id, "data-current": String(device.current) },
      element(
        "div",
        {},
        title,
        element("p", { class: "device-when" }, element("code", {}, device.id.slice(0, 8)), ` ${when}`),
      ),
      revoke,
    );
  }
}

function clock(at: number): string {
  return new Date(at).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
}
