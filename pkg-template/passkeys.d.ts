/**
 * Passkeys (WebAuthn) and one-time passwords (TOTP) at the reference auth server.
 *
 * @packageDocumentation
 */

import type { Session } from "./index.js";

/** The auth server, and the session that is signed in. */
export interface AccountOptions {
  /** The auth server's origin, as that of `createSession`. */
  auth: string | URL;
  /** The page's session, of users of any type. */
  session: {
    /** As that of a session. */
    readonly signIn: (how: () => Promise<never>) => Promise<void>;
    /** As that of a session. */
    readonly stepUp: (credentials: Readonly<Record<string, unknown>>) => Promise<void>;
    /** As that of a session: a passkey's sign-in is bound to the key of the browser. */
    readonly proof: Session["proof"];
  };
}

/** A passkey of the user. */
export interface Passkey {
  /** Its id at the auth server. */
  readonly id: string;
  /** The name that the user gave it. */
  readonly name: string;
  /** The credential's id, in base64url. */
  readonly credentialId: string;
  /** When it was added. */
  readonly createdAt: Date;
  /** When it was last used. */
  readonly lastUsedAt: Date;
  /** Whether it is synchronised between devices. */
  readonly backedUp: boolean;
}

/** How a sign-in asks for a passkey. */
export interface SignInOptions {
  /** `conditional`: the browser offers passkeys in a field with `autocomplete="username webauthn"`, and shows no dialog. */
  mediation?: "conditional";
  /** Ends the request, such as before another one: a page has one at a time. */
  signal?: AbortSignal;
}

/** An account without a password. */
export interface SignUpOptions {
  /** Its e-mail address. */
  email: string;
  /** The passkey's name, 1 to 100 characters. Default: `Passkey`. */
  name?: string;
}

/** The passkeys of a page's user. Each method rejects with a {@link PasskeyError}. */
export interface Passkeys {
  /** Whether the browser has passkeys. */
  isSupported(): boolean;
  /** Whether the browser can offer passkeys in a field. */
  isAutofillSupported(): Promise<boolean>;
  /** Signs in without a user name. No tab's refresh waits for the user. A passkey that no account has is made known to the authenticator. */
  signIn(options?: SignInOptions): Promise<void>;
  /** Makes an account with a passkey and signs in. */
  signUp(options: SignUpOptions): Promise<void>;
  /** Adds a passkey to the account that is signed in. Needs a recent authentication: see {@link PasskeyErrorCode}. */
  add(options?: { name?: string }): Promise<Passkey>;
  /** Lists the passkeys, oldest first, and makes them known to authenticators. */
  list(): Promise<Passkey[]>;
  /** Renames a passkey. */
  rename(id: string, name: string): Promise<void>;
  /** Removes a passkey. Needs a recent authentication. */
  remove(id: string): Promise<void>;
  /** Authenticates the user again with a passkey: `session.stepUp` with its response. */
  stepUp(): Promise<void>;
}

/** Creates the passkeys of a page's user. */
export declare function createPasskeys(options: AccountOptions): Passkeys;

/** One-time passwords as the second factor of the user's password. Each method rejects with a {@link PasskeyError}. */
export interface Totp {
  /**
   * Signs in with a password, and with the code that `askCode` returns if the account wants one: six digits, or a recovery code.
   * No tab's refresh waits for the user.
   */
  signIn(credentials: Readonly<Record<string, unknown>>, askCode: () => Promise<string> | string): Promise<void>;
  /** Says whether sign-ins need a code, and how many recovery codes are left. */
  state(): Promise<{ enabled: boolean; recoveryCodes: number }>;
  /** Makes a secret: in base 32, and as the URI of a QR code. Needs a recent authentication. */
  begin(): Promise<{ secret: string; uri: string }>;
  /** Confirms the secret by a code of the user's app, and returns ten recovery codes, which are shown once. */
  confirm(code: string): Promise<string[]>;
  /** Replaces the recovery codes. Needs a recent authentication of two factors. */
  replaceRecoveryCodes(): Promise<string[]>;
  /** Removes the second factor. Needs a recent authentication of two factors. */
  remove(): Promise<void>;
}

/** Creates the one-time passwords of a page's user. */
export declare function createTotp(options: AccountOptions): Totp;

/** The codes of a {@link PasskeyError}: those of the auth server's responses, and the browser's. */
export type PasskeyErrorCode =
  /** The user cancelled, the time was over, or the signal aborted. */
  | "cancelled"
  /** The browser has no passkeys, or not on this page. */
  | "unsupported"
  /** The auth server is unreachable or fails. */
  | "unreachable"
  /** No account has this passkey. */
  | "unknown_passkey"
  /** The auth server refuses the authenticator's response. */
  | "passkey_refused"
  /** The authenticator or the account has this passkey. */
  | "passkey_exists"
  /** The account has no other way to sign in. */
  | "last_way_in"
  /** There are as many passkeys as are allowed, or a second factor. */
  | "limit_reached"
  /** The authentication is too long ago or too weak: `session.stepUp()`, then again. */
  | "insufficient_user_authentication"
  /** The password is right, and a second factor is needed. */
  | "second_factor_required"
  /** The code is wrong, or was used. */
  | "invalid_code"
  /** The password is wrong, or the ticket of a sign-in has expired. */
  | "invalid_credentials"
  /** The address has an account. */
  | "account_exists"
  /** The session has ended. */
  | "session_ended"
  /** Something in the request is not valid. */
  | "invalid_request"
  /** There is nothing with this id. */
  | "not_found"
  /** The page's origin is not allowed. */
  | "forbidden_origin"
  /** Too many attempts. */
  | "too_many_requests";

/** The error of passkeys and one-time passwords. */
export declare class PasskeyError extends Error {
  private constructor();
  /** Always `PasskeyError`. */
  readonly name: "PasskeyError";
  /** The code: see {@link PasskeyErrorCode}. */
  readonly code: PasskeyErrorCode;
}

/** Whether this is a {@link PasskeyError} (of that code); also across bundled copies. */
export declare function isPasskeyError(error: unknown, code?: PasskeyErrorCode): error is PasskeyError;
