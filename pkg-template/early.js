/**
 * `nolapse/early`, a classic script for a page's `<head>`: sends the first refresh while the app's bundle is still loading, and
 * leaves it for `createSession`.
 */

import { startFor } from "../src/host/early-script.js";

// Read through the prototype: markup like `<img name="currentScript">` shadows the document's own property.
const script = Reflect.get(Document.prototype, "currentScript", document);
if (!script) throw new TypeError("nolapse/early is for a <script> without type=module");
startFor(script.dataset, globalThis);
