/** What a session, its calls and its sign-ins are given. */

import type { RefreshReason, SessionStatus } from "./events.js";

/** A token response to a sign-in or a refresh (RFC 6749 §5.1, with the session beside it). */
export interface TokenResponse<User = unknown> {
  /** The access token, sent to APIs as `Authorization: Bearer …`. */
  access_token: string;
  /** Always `Bearer`, in any case. */
  token_type?: string;
  /** The token's life in seconds, 2 to 604,800. Left out, `exp − iat` of a JWT is used. */
  expires_in?: number;
  /** When to refresh, in seconds from now; the default is `expires_in − min(10, expires_in / 6)`. */
  refresh_in?: number;
  /** The session behind the token. */
  session?: { id: string; user: User };
  /** The access tokens of the contexts that were requested. One without a token is refused. They live as long as the first. */
  contexts?: Readonly<Record<string, { access_token?: string }>>;
}

/** The context of a refresh, for an app's own refresher. */
export interface RefreshContext {
  /** Why this refresh is sent. */
  reason: RefreshReason;
  /** Whether the page is visible. */
  page: "visible" | "hidden";
  /** Milliseconds since the app last made a call or the user last gave input. */
  activeAgoMs: number;
  /** Aborts when the attempt has reached its deadline or the session was closed. */
  signal: AbortSignal;
  /** The contexts to return tokens for, in `contexts`: the session's, those of waiting calls and those of other tabs. */
  contexts: readonly string[];
}

/** An app's own refresher: returns a token response, parsed or as the `Response` that contains it. */
export type Refresher<User = unknown> = (context: RefreshContext) => Promise<TokenResponse<User> | Response>;

/** The auth server, or the app's own endpoints and functions in its place. */
export type AuthOption<User = unknown> =
  | string
  | URL
  | {
      /** The URL that renews the token with the reference protocol, or the app's own function. */
      refresh: string | URL | Refresher<User>;
      /** The URL that ends the session, or the app's own function. Left out, signing out is local. */
      signOut?: string | URL | ((context: { everywhere: boolean; signal: AbortSignal }) => Promise<void>);
    };

/** Where to load the WebAssembly module from, in place of the file beside this one. */
export type WasmSource = string | URL | Request | Response | BufferSource | WebAssembly.Module;

/**
 * Whether a call needs a token. `required`: it is rejected without one. `optional`: it is sent without one where nobody is signed
 * in. `best_effort`: it is sent without one also where the auth server is unreachable, without waiting for its recovery.
 */
export type Authorization = "required" | "optional" | "best_effort";

/** Options of a call: those of the platform's `fetch`, and the session's own. */
export interface SessionRequestInit extends RequestInit {
  /** Whether this call needs a token. Default: the session's. */
  authorization?: Authorization;
  /** The context of the token: see {@link SessionOptions.context}. Default: the session's; `""` for none. */
  context?: string;
  /** Whether the call runs without the user, as polling does: it then does not count as activity. Default: `false`. */
  background?: boolean;
}

/** Options of `Session.signIn` through a provider: an OpenID Connect server that the auth server knows. */
export interface ProviderSignIn {
  /** The provider's name: one of `GET /auth/providers`. */
  provider: string;
  /** Whether the page goes to the provider, or opens it in a pop-up. Default: `redirect`. */
  display?: "redirect" | "popup";
  /** Where the page is afterwards, of its own origin; relative to its URL. Default: where it is. With `popup`, the page stays. */
  returnTo?: string | URL;
  /** Whether to link the provider to the user who is signed in, instead of signing in. Default: `false`. */
  link?: boolean;
  /** Aborts the wait; a pop-up is closed. */
  signal?: AbortSignal;
}

/** Options of `createSession`. Unknown keys are refused, and only own properties count. */
export interface SessionOptions<User = unknown> {
  /** The auth server's origin: the reference protocol is spoken below it. */
  auth: AuthOption<User>;
  /** The origins that may receive the token, besides the page's own. Default: none. */
  allowedOrigins?: readonly (string | URL)[];
  /** Whether calls need a token: see {@link Authorization}. Default: `required`. */
  authorization?: Authorization;
  /**
   * What the tokens of calls are restricted to, beside the user: an organisation, an audience (RFC 8707) or a role, by a name that
   * the auth server knows, up to 100 visible ASCII characters. One refresh brings the tokens of up to 16 contexts to all tabs.
   * Default: none.
   */
  context?: string;
  /**
   * Whether a sign-in binds its session to a key of this browser (RFC 9449), without which a copied cookie is worth nothing: with
   * `auth` a URL, and where there are IndexedDB and WebCrypto. A session that is bound stays so. Default: `true`.
   */
  deviceBinding?: boolean;
  /**
   * The status until the first response: the `initial` of `getSession` (`nolapse/server`), from the HTML of the page. Has no token: calls
   * wait for the first refresh as ever, and if that knows better, the status changes. Default: `unknown`.
   */
  initial?: SessionStatus<User>;
  /**
   * Whether to learn of a revocation within a second, from one stream per browser (`GET /auth/events` below `auth`, which must be a
   * URL), which a visible page holds. Default: `false`: within one token life.
   */
  push?: boolean;
  /**
   * Returns what of the user may be kept in `localStorage` until the sign-out, as JSON, for `lastUser` of an `unknown` status;
   * `null` for nothing. Default: the user's `id`.
   */
  remember?: (user: User) => unknown;
  /**
   * Names the session's lock, channel and storage record. Default: the URL that renews the token; required if `auth.refresh` is a
   * function. The cookie is the auth server's: two accounts of one browser need a path of it each, not a key alone.
   */
  storageKey?: string;
  /** Timeout of one request to the auth server in milliseconds, 1,000 to 60,000. Default: 10,000. */
  timeoutMs?: number;
  /** Where the WebAssembly module is. Default: beside this file. */
  wasm?: WasmSource | Promise<WasmSource>;
}
