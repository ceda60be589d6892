/** A hand-written refresher. */

import { authorised } from "../peers/clients/by-hand.mjs";
import { origin, tell } from "./page.mjs";

tell(authorised(`${origin}/notes`));
