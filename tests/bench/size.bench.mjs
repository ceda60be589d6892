/** Prints the size of each entry of the package, and of the parts of the default one's script. */

import { measureParts, measureSizes, sizeTable } from "./size.mjs";

console.log(sizeTable(await measureSizes()));
console.log(`\nof the script, each part by itself\n\n${sizeTable(await measureParts())}`);
