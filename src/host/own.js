/** Reads foreign objects without their prototypes, so that a polluted `Object.prototype` has no effect. */

/** An object with untrusted fields. @typedef {{ [name: string]: unknown }} Fields */

/**
 * Copies the own enumerable properties of an object, each read once, to an object without a prototype. Returns an empty one
 * for a non-object.
 *
 * @param {unknown} given
 * @returns {Fields}
 */
export function own(given) {
  return { __proto__: null, .../** @type {object} */ (given) };
}

/**
 * Gets a reader for a response's body. WebKit reads omitted options through `Object.prototype`.
 *
 * @param {Response} response
 */
export function readerOf({ body }) {
  const reader = body?.getReader(/** @type {never} */ (own(undefined)));
  return /** @type {ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined} */ (
    /** @type {unknown} */ (reader)
  );
}
