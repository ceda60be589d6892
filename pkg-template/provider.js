/** What only a sign-in through a provider loads. */

export { signIn, takeReturn } from "../src/host/provider.js";
