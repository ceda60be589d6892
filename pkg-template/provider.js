/** What only sign-in through a provider loads. */

export { signIn, signOut, takeReturn } from "../src/host/provider.js";
