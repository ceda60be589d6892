/** What the types allow, and what they refuse: compiled, never run. */

import {
  createSession,
  isSessionError,
  type RefreshContext,
  type Session,
  type SessionErrorCode,
  type SessionOptions,
  type SessionStatus,
  SessionEnded,
  SessionError,
  type SignOutReason,
} from "nolapse";
import type { createSession as createInline } from "nolapse/inline";
import { type Claims, createVerifier, isVerifyError, VerifyError, type VerifyErrorCode } from "nolapse/server";
import { createTestSession, type TestSession } from "nolapse/testing";
import type { createSession as createVerifying } from "nolapse/verify";

/** Accepts a type that is exactly `Wanted`: not wider, not narrower, not `any`. */
type Exactly<Wanted, Given> =
  (<T>() => T extends Wanted ? 1 : 2) extends <T>() => T extends Given ? 1 : 2 ? true : never;
const holds = <_ extends true>(): void => {};

interface User {
  id: string;
  role: "member" | "admin";
}

const session = createSession<User>({
  auth: "https://auth.example.com",
  allowedOrigins: ["https://api.example.com", new URL("https://files.example.com")],
  storageKey: "main",
  timeoutMs: 10_000,
});
holds<Exactly<Session<User>, typeof session>>();

// A session is fetch, and works detached.
const { fetch: sessionFetch, getToken } = session;
const asFetch: typeof fetch = sessionFetch;
holds<Exactly<Promise<Response>, ReturnType<typeof asFetch>>>();
holds<Exactly<Promise<string>, ReturnType<typeof getToken>>>();
await getToken({ minValidityMs: 30, signal: AbortSignal.timeout(1_000) });

// The state narrows the other members.
const status: SessionStatus<User> = session.status;
if (status.state === "signed_in") holds<Exactly<User, typeof status.user>>();
if (status.state === "signed_out") holds<Exactly<SignOutReason | null, typeof status.reason>>();
// @ts-expect-error a status without its state known has no user
status.user;
// @ts-expect-error a status is read-only
status.state = "signed_out";

// Events have their own shapes.
const end: () => void = session.on("refresh", ({ reason, waiting }) => {
  holds<Exactly<"timer" | "load" | "demand" | "rejected" | "force" | null, typeof reason>>();
  holds<Exactly<number, typeof waiting>>();
});
end();
session.on("user_changed", ({ user, previous }) => user.role === previous.role);
// @ts-expect-error there is no such event
session.on("refreshed", () => {});

// A store for Svelte, a snapshot for React.
const unsubscribe: () => void = session.subscribe((next) => next.state);
unsubscribe();
holds<Exactly<SessionStatus<User>, ReturnType<typeof session.getSnapshot>>>();

// Signing out resolves with whether the server was notified.
const { serverNotified } = await session.signOut({ everywhere: true });
holds<Exactly<boolean, typeof serverNotified>>();
await session.signIn(() => fetch("/auth/sign-in", { method: "POST" }));
await session.setTokens({ access_token: "token", session: { id: "1", user: { id: "1", role: "admin" } } });
// @ts-expect-error a token response has its token
await session.setTokens({ expires_in: 60 });

// A refresher of the app's own.
createSession<User>({
  auth: {
    refresh: async ({ reason, signal }: RefreshContext) => {
      if (signal.aborted) throw new SessionEnded("revoked");
      return { access_token: reason, expires_in: 60 };
    },
    signOut: async ({ everywhere }) => holds<Exactly<boolean, typeof everywhere>>(),
  },
  storageKey: "own",
});

// Options are exact.
// @ts-expect-error there is no session without an auth server
const without: SessionOptions = {};
// @ts-expect-error an unknown option is refused
const unknown: SessionOptions = { auth: "https://auth.example.com", retries: 3 };
void [without, unknown];

// Errors have a closed list of codes, and the guard narrows.
try {
  await session.refresh({ force: true });
} catch (error) {
  if (isSessionError(error, "signed_out")) {
    holds<Exactly<"signed_out", typeof error.code>>();
    const reason: SignOutReason | null = error.reason;
    void reason;
  }
  if (isSessionError(error)) holds<Exactly<SessionErrorCode, typeof error.code>>();
  // @ts-expect-error there is no such code
  isSessionError(error, "logged_out");
}
new SessionError("timeout", "no answer", { cause: new Error("slow") }) satisfies Error;

// All entries have one API.
holds<Exactly<Session<User>, Awaited<ReturnType<typeof createVerifying<User>>>>>();
holds<Exactly<Session<User>, Awaited<ReturnType<typeof createInline<User>>>>>();
const testing: TestSession<User> = createTestSession<User>({ user: { id: "1", role: "admin" }, expiresIn: 60 });
const asSession: Session<User> = testing;
testing.test.signIn({ id: "2", role: "member" });
// @ts-expect-error the user is of the session's type
testing.test.signIn({ id: "2" });
// @ts-expect-error there is no such cause
testing.test.fail("boredom");
void asSession;
session[Symbol.dispose]();

// A verifier takes what has an authorization header, and its errors are told apart.
const verifier = createVerifier({ issuer: "https://auth.example.com", audience: "https://api.example.com" });
holds<Exactly<Promise<Claims>, ReturnType<typeof verifier.verify>>>();
await verifier.verify("token", { maxAge: 300 });
await verifier.verify(new Headers());
const { context, sub } = await verifier.verify(new Request("https://api.example.com"));
holds<Exactly<[string | undefined, string], [typeof context, typeof sub]>>();
try {
  // @ts-expect-error a header that may be missing is no token
  await verifier.verify(undefined);
} catch (error) {
  if (isVerifyError(error)) holds<Exactly<VerifyErrorCode, typeof error.code>>();
  if (isVerifyError(error, "expired")) holds<Exactly<"expired", typeof error.code>>();
  // @ts-expect-error there is no such code
  isVerifyError(error, "invalid_token");
}
// @ts-expect-error only a verifier creates its errors
new VerifyError("expired");
// @ts-expect-error there is no verifier without an audience
createVerifier({ issuer: "https://auth.example.com" });
