/** The record that all tabs share in `localStorage`. */

export class RecordStorage {
  #storage;
  #key;
  /** @param {string} key */
  constructor(key) {
    this.#key = key;
    try {
      /** @type {Storage | undefined} */
      this.#storage = globalThis.localStorage;
    } catch {
      // Blocked; workers have none.
    }
  }

  /** Reads the record: an empty text if there is none, `?` if storage is unavailable. */
  read() {
    try {
      return this.#storage ? (this.#storage.getItem(this.#key) ?? "") : "?";
    } catch {
      return "?";
    }
  }

  /**
   * Writes the record, if the browser allows it.
   *
   * @param {string} record
   */
  write(record) {
    try {
      this.#storage?.setItem(this.#key, record);
    } catch {
      // Full or blocked: the tabs still have the channel and the lock.
    }
  }
}
