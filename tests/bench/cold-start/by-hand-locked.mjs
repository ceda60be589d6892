/** A refresher by hand that takes turns with other tabs. */

import { authorised, takeTurns } from "../peers/clients/by-hand.mjs";
import { origin, tell } from "./page.mjs";

takeTurns();
tell(authorised(`${origin}/notes`));
