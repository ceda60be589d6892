/** What wasm-bindgen makes of `src/npm.rs` with the feature `verify`. Users never see it. */

export * from "./nolapse.js";

export function verifyToken(token: string, jwks: string, issuer: string, audience: string): void;
