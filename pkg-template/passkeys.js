import { authServer } from "./passkeys/auth-server.js";
import { create, get, signalAccepted, signalUnknown } from "./passkeys/authenticator.js";
import { PasskeyError } from "./passkeys/errors.js";

export { isPasskeyError, PasskeyError } from "./passkeys/errors.js";

/** @typedef {import("./passkeys.js").Passkey} Passkey */
/** @typedef {{ publicKey: Record<string, unknown> & { rpId?: string } }} Options */
/** A passkey as the auth server has it. @typedef {{ id: string, name: string, credential_id: string, created_at: number, last_used_at: number, backed_up: boolean }} Row */
/** @typedef {{ rp_id: string, user_id: string, passkeys: Row[] }} List */
/** @typedef {{ recovery_codes: string[] }} Codes */

/** @param {import("./passkeys.js").AccountOptions} options */
export function createPasskeys({ auth, session }) {
  const server = authServer({ auth, session });

  /** @returns {Promise<Passkey[]>} */
  async function list() {
    const found = /** @type {List} */ (await server.get("/auth/passkeys"));
    const { rp_id: rpId, user_id: userId } = found;
    const all = found.passkeys.map(passkeyOf);
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

  /** @param {string} path @param {object} body a request for a token response */
  const tokens = (path, body) => /** @type {Promise<never>} */ (server.signIn(path, body));

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
          return await tokens("/auth/passkeys/sign-in", { credential });
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
      await session.signIn(() => tokens("/auth/passkeys/sign-up", { email, credential, name }));
    },
    /** @param {{ name?: string }} [options] */
    async add({ name } = {}) {
      const { publicKey } = await issued("/auth/passkeys");
      const credential = await create(publicKey);
      return passkeyOf(/** @type {Row} */ (await server.post("/auth/passkeys", { credential, name })));
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

  /** @param {string} path @param {object} body a request for a token response */
  const tokens = (path, body) => /** @type {Promise<never>} */ (server.signIn(path, body));

  /** @param {string} path @param {object} body a request for recovery codes */
  const codes = async (path, body) => /** @type {Codes} */ (await server.post(path, body)).recovery_codes;

  return Object.freeze({
    /**
     * @param {Readonly<Record<string, unknown>>} credentials
     * @param {() => Promise<string> | string} askCode
     */
    async signIn(credentials, askCode) {
      try {
        await session.signIn(() => tokens("/auth/sign-in", credentials));
      } catch (error) {
        if (!(error instanceof PasskeyError) || error.code !== "second_factor_required") throw error;
        const { ticket } = /** @type {{ ticket: string }} */ (error.body);
        // The user is asked while tabs may refresh.
        const code = await askCode();
        await session.signIn(() => tokens("/auth/sign-in/totp", { ticket, code }));
      }
    },
    async state() {
      const found = /** @type {{ enabled: boolean, recovery_codes: number }} */ (await server.get("/auth/totp"));
      return { enabled: found.enabled, recoveryCodes: found.recovery_codes };
    },
    begin: () => /** @type {Promise<{ secret: string, uri: string }>} */ (server.post("/auth/totp", {})),
    /** @param {string} code */
    confirm: (code) => codes("/auth/totp/confirm", { code }),
    replaceRecoveryCodes: () => codes("/auth/totp/recovery-codes", {}),
    async remove() {
      await server.remove("/auth/totp");
    },
  });
}

/** @param {Row} row @returns {Passkey} */
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
