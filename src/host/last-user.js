/** What the app keeps of the user who was signed in last, so that a start without a network knows whom to expect. */

import { parsed } from "./http.js";
import { own } from "./own.js";
import { RecordStorage } from "./storage.js";

export class LastUser {
  #storage;
  #remember;

  /**
   * @param {import("./options.js").Settings} settings
   * @param {import("./realm.js").Realm} realm
   */
  constructor({ key, remember }, realm) {
    this.#storage = new RecordStorage(`${key}:user`, realm);
    this.#remember = remember;
  }

  /** Returns what was kept; `null` without. */
  get() {
    return parsed(this.#storage.read()) ?? null;
  }

  /**
   * Keeps what the app chooses of the user; by default the id.
   *
   * @param {unknown} user
   */
  keep(user) {
    const { id } = own(user);
    const kept = this.#remember ? this.#remember(user) : id === undefined ? null : { id };
    const text = kept === null ? "" : (JSON.stringify(kept) ?? "");
    if (text !== this.#storage.read()) this.#storage.write(text);
  }

  forget() {
    this.#storage.write("");
  }
}
