/** What Rust imports, for a bundle of one file: `bundle.js`, which `npm run fmt` makes of it. */

export { rustApp } from "./client.js";
export { Host } from "./host.js";
export { order, ring } from "./mailbox.js";
export { readOptions } from "./options.js";
