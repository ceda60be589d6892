/** The JavaScript that Rust imports; `npm run fmt` bundles it into one file, `src/generated/host.js`. */

export { rustApp } from "./rust-app.js";
export { Host } from "./host.js";
export { LastUser } from "./last-user.js";
export { pushCommand, fireTimer } from "./bridge.js";
export { readOptions } from "./options.js";
