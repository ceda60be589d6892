/** The record that all tabs share in `localStorage`. */

/** The cookie that the reference server sets beside the refresh cookie: it only says that there may be a session. */
const HINT = /(?:^|; )nolapse-hint=1(?:;|$)/;

/** The record of a session whose token has expired: the first refresh tells whether there is one. */
const EXPIRED_RECORD = "nolapse1;0;in;0;0";

/**
 * Whether the hint cookie is set. Read through the prototype: markup like `<img name="cookie">` shadows the document's own
 * property.
 *
 * @param {import("./realm.js").Realm} realm
 */
function hasHint({ document }) {
  return document ? HINT.test(Reflect.get(Document.prototype, "cookie", document)) : false;
}

export class RecordStorage {
  #storage;
  #key;
  #realm;

  /**
   * @param {string} key
   * @param {import("./realm.js").Realm} realm
   */
  constructor(key, realm) {
    this.#key = key;
    this.#realm = realm;
    try {
      this.#storage = realm.localStorage;
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

  /** Reads the record. Without one, as in cleared or full storage, the hint cookie counts as one. */
  readOrHint() {
    return this.read() || (hasHint(this.#realm) ? EXPIRED_RECORD : "");
  }

  /**
   * Writes the record, if the browser allows it; removes it if the text is empty.
   *
   * @param {string} record
   */
  write(record) {
    try {
      if (record) this.#storage?.setItem(this.#key, record);
      else this.#storage?.removeItem(this.#key);
    } catch {
      // Full or blocked: the tabs still have the channel and the lock.
    }
  }
}

/**
 * Matches a record with a token's expiry and no back-off. Its version is one that tabs assign (up to 2,000,001): for a higher
 * version, the machine asks the other tabs first.
 */
const PLAIN_RECORD = /^nolapse1;1?\d{1,6};in;(\d{1,15});\d{1,10}$/;

/**
 * Returns when the token of a record expired, in milliseconds since 1970; NaN for a record that only the machine can judge.
 *
 * @param {string} record
 */
export function expiredAt(record) {
  return Number(PLAIN_RECORD.exec(record)?.[1]);
}
