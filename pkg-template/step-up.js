/** What only sessions load whose app listens for `step_up_required`, at the first such response. */

export { steppedUp } from "../src/host/step-up.js";
