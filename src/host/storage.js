/** The mark that tabs leave for each other in `localStorage`. */

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

  /** Reads the mark: an empty text where there is none, `?` where the browser gives no shelf. */
  read() {
    try {
      return this.#storage ? (this.#storage.getItem(this.#key) ?? "") : "?";
    } catch {
      return "?";
    }
  }

  /**
   * Writes the mark, where the browser lets it.
   *
   * @param {string} mark
   */
  write(mark) {
    try {
      this.#storage?.setItem(this.#key, mark);
    } catch {
      // Full or blocked: the tabs still have their channel, and the lock.
    }
  }
}
