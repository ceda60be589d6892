/** What only the first sign-in of a browser loads. */

export { createKey } from "../src/host/new-key.js";
