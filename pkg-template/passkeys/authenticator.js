/** Ceremonies with an authenticator (WebAuthn Level 3 §5), with the JSON of the auth server. */

import { PasskeyError } from "./errors.js";

/** @typedef {Record<string, unknown>} Json */

/**
 * Makes a passkey.
 *
 * @param {Json} options `PublicKeyCredentialCreationOptionsJSON`
 * @returns {Promise<{ id: string } & Json>} `RegistrationResponseJSON`
 */
export async function create(options) {
  const { user, excludeCredentials } = /** @type {{ user: Json, excludeCredentials?: Json[] }} */ (options);
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    user: { ...user, id: decode(user.id) },
    excludeCredentials: excludeCredentials?.map(descriptorOf),
  };
  const found = await ask(() =>
    navigator.credentials.create({
      publicKey: /** @type {PublicKeyCredentialCreationOptions} */ (/** @type {unknown} */ (publicKey)),
    }),
  );
  const response = /** @type {AuthenticatorAttestationResponse} */ (found.response);
  return {
    ...credentialOf(found),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

/**
 * Asks for a signature by a passkey.
 *
 * @param {Json} options `PublicKeyCredentialRequestOptionsJSON`
 * @param {"conditional"} [mediation]
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ id: string } & Json>} `AuthenticationResponseJSON`
 */
export async function get(options, mediation, signal) {
  const { allowCredentials } = /** @type {{ allowCredentials?: Json[] }} */ (options);
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    allowCredentials: allowCredentials?.map(descriptorOf),
  };
  const request = { publicKey, ...(mediation && { mediation }), ...(signal && { signal }) };
  const found = await ask(() =>
    navigator.credentials.get(/** @type {CredentialRequestOptions} */ (/** @type {unknown} */ (request))),
  );
  const response = /** @type {AuthenticatorAssertionResponse} */ (found.response);
  return {
    ...credentialOf(found),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle ? encode(response.userHandle) : undefined,
    },
  };
}

/**
 * Tells authenticators that no account has a passkey, where the browser can (§5.1.10.1).
 *
 * @param {string | undefined} rpId
 * @param {string} credentialId
 */
export function signalUnknown(rpId, credentialId) {
  return signal("signalUnknownCredential", { rpId, credentialId });
}

/**
 * Tells authenticators which passkeys an account has, where the browser can (§5.1.10.2).
 *
 * @param {string} rpId
 * @param {string} userId
 * @param {string[]} allAcceptedCredentialIds
 */
export function signalAccepted(rpId, userId, allAcceptedCredentialIds) {
  return signal("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });
}

/**
 * @param {string} name
 * @param {object} details
 */
async function signal(name, details) {
  const signals = /** @type {Record<string, (details: object) => Promise<void>>} */ (
    /** @type {unknown} */ (globalThis.PublicKeyCredential ?? {})
  );
  // An authenticator that cannot be told shows a passkey that does not work, no more.
  await signals[name]?.(details).catch(() => {});
}

/**
 * @param {() => Promise<Credential | null>} ceremony
 * @returns {Promise<PublicKeyCredential>}
 */
async function ask(ceremony) {
  if (typeof globalThis.PublicKeyCredential !== "function")
    throw new PasskeyError("unsupported", "this browser has no passkeys");
  try {
    const credential = await ceremony();
    if (credential) return /** @type {PublicKeyCredential} */ (credential);
  } catch (cause) {
    throw failureOf(/** @type {Error} */ (cause));
  }
  throw new PasskeyError("cancelled", "no passkey was chosen");
}

/** @param {Error} cause */
function failureOf(cause) {
  switch (cause.name) {
    case "NotAllowedError":
    case "AbortError":
      return new PasskeyError("cancelled", "no passkey was chosen", { cause });
    case "InvalidStateError":
      return new PasskeyError("passkey_exists", "the authenticator has a passkey of this account", { cause });
    default:
      return new PasskeyError("unsupported", "the browser refuses passkeys here", { cause });
  }
}

/** @param {PublicKeyCredential} credential */
function credentialOf({ id, type, authenticatorAttachment }) {
  return { id, rawId: id, type, authenticatorAttachment, clientExtensionResults: {} };
}

/** @param {Json} descriptor */
function descriptorOf(descriptor) {
  return { ...descriptor, id: decode(descriptor.id) };
}

/** Decodes base64url. Not by `parseCreationOptionsFromJSON`, which not all browsers have. @param {unknown} text */
function decode(text) {
  const bytes = atob(`${text}`.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}

/** Encodes as base64url. Not by `toJSON`, which credentials of some password managers lack. @param {ArrayBuffer} buffer */
function encode(buffer) {
  const bytes = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
