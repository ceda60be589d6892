/** The check on points of P-256 that Web Crypto makes only when a key is used (SP 800-186 §3.2.1.3). */

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;

/** The constant `b` of the curve y² = x³ − 3x + b. */
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/**
 * Says whether coordinates, big-endian, are a point of the curve.
 *
 * @param {Uint8Array} first
 * @param {Uint8Array} second
 */
export function isOnCurve(first, second) {
  const [x, y] = [toNumber(first), toNumber(second)];
  return x < P && y < P && (y * y - x * x * x + 3n * x - B) % P === 0n;
}

/** @param {Uint8Array} bytes */
function toNumber(bytes) {
  return BigInt(`0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
}
