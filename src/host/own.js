/** Objects of others, read without what their prototypes add: a polluted `Object.prototype` has no say. */

/** Any field may be anything. @typedef {{ [name: string]: unknown }} Fields */

/**
 * Copies the own enumerable properties of an object, each read once, to one without a prototype. Has none for what is no
 * object.
 *
 * @param {unknown} given
 * @returns {Fields}
 */
export function own(given) {
  return { __proto__: null, .../** @type {object} */ (given) };
}

/**
 * Makes a reader of a response's body. WebKit reads options that are left out through `Object.prototype`.
 *
 * @param {Response} response
 */
export function readerOf({ body }) {
  const reader = body?.getReader(/** @type {never} */ (own(undefined)));
  return /** @type {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined} */ (
    /** @type {unknown} */ (reader)
  );
}
