/** A hand-written refresher with a lock among tabs. */

import { authorised, takeTurns } from "../peers/clients/by-hand.mjs";
import { origin, tell } from "./page.mjs";

takeTurns();
tell(authorised(`${origin}/notes`));
