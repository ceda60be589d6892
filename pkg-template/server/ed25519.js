/** The checks on points of edwards25519 that Web Crypto leaves out (RFC 8032 §5.1). */

const P = 2n ** 255n - 19n;

/** The constant `d` of the curve −x² + y² = 1 + d·x²·y². */
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;

/** The `y` of a point of order 8; that of the other four is its negative. */
const Y_OF_ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;

/** The `y` of the eight points of small order. */
const SMALL_ORDER = [0n, 1n, P - 1n, Y_OF_ORDER_8, P - Y_OF_ORDER_8];

/**
 * Says whether bytes are the canonical encoding of a point of the curve that is not of small order: with a key of small
 * order, one signature matches many messages.
 *
 * @param {Uint8Array} bytes
 */
export function isPublicKey(bytes) {
  const y = yOf(bytes);
  return bytes.length === 32 && y < P && !SMALL_ORDER.includes(y) && isOnCurve(y);
}

/**
 * Says whether bytes encode a point of small order.
 *
 * @param {Uint8Array} bytes
 */
export function isOfSmallOrder(bytes) {
  return SMALL_ORDER.includes(yOf(bytes) % P);
}

/**
 * Decodes the `y` of a point; the highest bit is the sign of `x`.
 *
 * @param {Uint8Array} bytes
 */
function yOf(bytes) {
  const hex = Array.from(bytes.slice().reverse(), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return BigInt(`0x${hex || "0"}`) % 2n ** 255n;
}

/**
 * Says whether x² = (y² − 1) / (d·y² + 1) has a root, by Euler's criterion.
 *
 * @param {bigint} y
 */
function isOnCurve(y) {
  const square = (y * y) % P;
  let base = ((square - 1n + P) * (D * square + 1n)) % P;
  let power = 1n;
  for (let exponent = (P - 1n) / 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) power = (power * base) % P;
    base = (base * base) % P;
  }
  return power === 1n;
}
