import { authServer } from "./passkeys/auth-server.js";
import { create, get, signalAccepted, signalUnknown } from "./passkeys/authenticator.js";
import { PasskeyError } from "./passkeys/errors.js";

export { isPasskeyError, PasskeyError } from "./passkeys/errors.js";

/** @typedef {import("./passkeys.js").Passkey} Passkey */
/** @typedef {{ publicKey: Record<string, unknown> & { rpId?: string } }} Options */

/** @param {import("./passkeys.js").AccountOptions} options */
export function createPasskeys({ auth, session }) {
  const server = authServer({ auth, session });

  /** @returns {Promise<Passkey[]>} */
  async function list() {
    const { rp_id: rpId, user_id: userId, passkeys } = await server.get("/auth/passkeys");
    const all = /** @type {Record<string, never>[]} */ (passkeys).map(passkeyOf);
    await signalAccepted(
      rpId,
      userId,
      all.map(({ credentialId }) => credentialId),
    );
    return all;
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  const issued = (path, body = {}) => /** @type {Promise<Options>} */ (server.post(`${path}/options`, body));

  return Object.freeze({
    isSupported: () => typeof globalThis.PublicKeyCredential === "function",
    isAutofillSupported: async () => !!(await globalThis.PublicKeyCredential?.isConditionalMediationAvailable?.()),
    list,
    /** @param {import("./passkeys.js").SignInOptions} [options] */
    async signIn({ mediation, signal } = {}) {
      const { publicKey } = await issued("/auth/passkeys/sign-in");
      // The user may take minutes: no tab waits for that.
      const credential = await get(publicKey, mediation, signal);
      await session.signIn(async () => {
        try {
          return await server.signIn("/auth/passkeys/sign-in", { credential });
        } catch (error) {
          if (error instanceof PasskeyError && error.code === "unknown_passkey")
            await signalUnknown(publicKey.rpId, credential.id);
          throw error;
        }
      });
    },
    /** @param {import("./passkeys.js").SignUpOptions} options */
    async signUp({ email, name }) {
      const { publicKey } = await issued("/auth/passkeys/sign-up", { email });
      const credential = await create(publicKey);
      await session.signIn(() => server.signIn("/auth/passkeys/sign-up", { email, credential, name }));
    },
    /** @param {{ name?: string }} [options] */
    async add({ name } = {}) {
      const { publicKey } = await issued("/auth/passkeys");
      const credential = await create(publicKey);
      return passkeyOf(await server.post("/auth/passkeys", { credential, name }));
    },
    /** @param {string} id @param {string} name */
    async rename(id, name) {
      await server.post(`/auth/passkeys/${encodeURIComponent(id)}`, { name });
    },
    /** @param {string} id */
    async remove(id) {
      await server.remove(`/auth/passkeys/${encodeURIComponent(id)}`);
      // The passkey is removed, whatever becomes of telling the authenticator.
      await list().catch(() => {});
    },
    async stepUp() {
      const { publicKey } = await issued("/auth/step-up");
      await session.stepUp({ credential: await get(publicKey) });
    },
  });
}

/** @param {import("./passkeys.js").AccountOptions} options */
export function createTotp({ auth, session }) {
  const server = authServer({ auth, session });
  return Object.freeze({
    /**
     * @param {Readonly<Record<string, unknown>>} credentials
     * @param {() => Promise<string> | string} askCode
     */
    async signIn(credentials, askCode) {
      try {
        await session.signIn(() => server.signIn("/auth/sign-in", credentials));
      } catch (error) {
        if (!(error instanceof PasskeyError) || error.code !== "second_factor_required") throw error;
        const { ticket } = /** @type {{ ticket: string }} */ (error.body);
        // The user is asked while tabs may refresh, and again after a wrong code, as long as the ticket lives.
        const code = await askCode();
        await session.signIn(() => server.signIn("/auth/sign-in/totp", { ticket, code }));
      }
    },
    async state() {
      const { enabled, recovery_codes: recoveryCodes } = await server.get("/auth/totp");
      return { enabled, recoveryCodes };
    },
    /** @returns {Promise<{ secret: string, uri: string }>} */
    async begin() {
      return server.post("/auth/totp", {});
    },
    /** @param {string} code @returns {Promise<string[]>} */
    async confirm(code) {
      return (await server.post("/auth/totp/confirm", { code })).recovery_codes;
    },
    /** @returns {Promise<string[]>} */
    async replaceRecoveryCodes() {
      return (await server.post("/auth/totp/recovery-codes", {})).recovery_codes;
    },
    async remove() {
      await server.remove("/auth/totp");
    },
  });
}

/** @param {Record<string, never>} given @returns {Passkey} */
function passkeyOf({ id, name, credential_id, created_at, last_used_at, backed_up }) {
  return Object.freeze({
    id,
    name,
    credentialId: credential_id,
    createdAt: new Date(created_at),
    lastUsedAt: new Date(last_used_at),
    backedUp: backed_up,
  });
}
