/** The package as users get it: the tarball, unpacked. */

import { join } from "node:path";

import { root } from "../../pkg-template/tools/process.mjs";

export { TARBALL } from "../../pkg-template/build.mjs";

/** The folder of the unpacked tarball, in which `import "nolapse"` finds it. */
export const INSTALLED = join(root, "node_modules", "nolapse");
