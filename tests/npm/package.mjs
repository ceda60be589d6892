/** The package as users get it: the tarball, unpacked. */

import { join } from "node:path";

import { root } from "../../pkg-template/tools/process.mjs";

export { TARBALL } from "../../pkg-template/build.mjs";

/** Where the tarball is unpacked, so that `import "nolapse"` finds it. */
export const INSTALLED = join(root, "node_modules", "nolapse");
