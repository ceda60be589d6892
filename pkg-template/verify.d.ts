/**
 * The API of `nolapse`, in a build that checks the signature of each token before it is used.
 *
 * @packageDocumentation
 */

export * from "./index.js";
