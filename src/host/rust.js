/** What Rust imports, for a bundle of one file: `bundle.js`, which `npm run fmt` makes of it. */

export { rustApp } from "./rust-app.js";
export { Host } from "./host.js";
export { pushCommand, fireTimer } from "./bridge.js";
export { readOptions } from "./options.js";
