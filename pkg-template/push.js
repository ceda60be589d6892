/** What only sessions with the option `push` load. */

export { PushStream } from "../src/host/push.js";
