/** What wasm-bindgen makes of `src/npm.rs` with the feature `verify`. Users never see it. */

import type { Claims } from "./verify.js";

export * from "./nolapse.js";

export function verifyToken(
  token: string,
  jwks: unknown,
  issuer: string | undefined,
  audience: string | undefined,
): Claims;
