/** Prints the size of each entry of the package. */

import { measureSizes, sizeTable } from "./size.mjs";

console.log(sizeTable(await measureSizes()));
