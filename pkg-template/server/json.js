/** JSON that names no member twice: readers resolve that in different ways (RFC 8259 §4, RFC 7519 §4). */

/** How deep values may nest, as in the Rust reader. */
const MAX_DEPTH = 127;

/** The tokens of a text that is known to be JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|[{}[\],:]/g;

/**
 * An object or array that is being scanned: the names so far, and the member or index that is read.
 *
 * @typedef {{ names: Set<string> | undefined, at: string | number }} Level
 */

/**
 * Parses JSON.
 *
 * @param {string} text
 * @returns {{ value: unknown, doubled: ReadonlySet<string> }} and where objects are that name a member twice, as by
 *   {@link pathOf}
 * @throws where the text is no JSON, or has a number that is too large, a lone surrogate or too many levels
 */
export function parseJson(text) {
  /** @type {unknown} */
  const value = JSON.parse(text);
  /** @type {Set<string>} */
  const doubled = new Set();
  /** @type {Level[]} */
  const levels = [];
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    if (token === "{" || token === "[") {
      levels.push({ names: token === "{" ? new Set() : undefined, at: 0 });
      if (levels.length > MAX_DEPTH) throw new Error("the JSON nests too deep");
    } else if (token === "}" || token === "]") {
      levels.pop();
    } else if (token.startsWith('"')) {
      last = JSON.parse(token);
      if (/\p{Surrogate}/u.test(last)) throw new Error("the JSON has a lone surrogate");
    } else if (token === ":" && level?.names) {
      if (level.names.has(last)) doubled.add(pathOf(...levels.slice(0, -1).map(({ at }) => at)));
      level.names.add(last);
      level.at = last;
    } else if (token === ",") {
      if (level && !level.names) level.at = Number(level.at) + 1;
    } else if (!Number.isFinite(Number(token))) {
      throw new Error("the JSON has a number that is too large");
    }
  }
  return { value, doubled };
}

/**
 * Names the place of a value by the members and indices that lead to it.
 *
 * @param {readonly (string | number)[]} steps
 */
export function pathOf(...steps) {
  return JSON.stringify(steps);
}

/**
 * Says whether a value is a JSON object.
 *
 * @param {unknown} value
 * @returns {value is { [name: string]: unknown }}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Returns a member of the object itself, not of its prototypes.
 *
 * @param {{ [name: string]: unknown }} object
 * @param {string} name
 */
export function member(object, name) {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
