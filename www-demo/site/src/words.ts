import {
  isSessionError,
  type FailureCause,
  type RefreshReason,
  type SessionErrorCode,
  type SignOutReason,
} from "nolapse";
import { isPasskeyError } from "nolapse/passkeys";
import { AnswerError } from "./session.js";

/** Why the session is over, for people. */
export const endings: Readonly<Record<SignOutReason, { title: string; detail: string }>> = {
  signed_out: { title: "You are signed out.", detail: "The session was ended here or in another tab." },
  revoked: {
    title: "This session was revoked.",
    detail: "Somebody ended it from elsewhere. The page learned it at its next refresh, within one token life.",
  },
  expired: {
    title: "The session has reached its limit.",
    detail: "However active, a session ends one day. Sign in to begin another.",
  },
  idle: { title: "The session was idle for too long.", detail: "Nobody used it for longer than the server allows." },
  reuse_detected: {
    title: "The session was ended to protect you.",
    detail: "An old refresh secret was presented again, which looks like theft. All copies are worthless now.",
  },
  user_disabled: { title: "This account was disabled.", detail: "The auth server no longer admits it." },
  no_cookie: {
    title: "The session's cookie is gone.",
    detail: "It was cleared or blocked by the browser, so the server cannot know who you are.",
  },
  key_lost: {
    title: "The session's key is gone.",
    detail: "This browser no longer has the key that the session is bound to. Sign in again to make another one.",
  },
};

/** Why a refresh failed, for people. */
export const causes: Readonly<Record<FailureCause, string>> = {
  offline: "this device is offline",
  network: "the auth server cannot be reached",
  timeout: "the auth server did not answer in time",
  server_error: "the auth server has a problem",
  rate_limited: "the auth server asks for patience",
  unexpected_answer: "the auth server gave an answer that makes no sense",
  misconfigured: "the auth server refuses this page's requests",
  refresher_failed: "the refresher failed",
};

/** Why a refresh was sent, for people. */
export const reasons: Readonly<Record<RefreshReason, string>> = {
  timer: "on schedule",
  load: "page load",
  demand: "a call needed it",
  rejected: "API refused the token",
  force: "asked for",
};

/** Why a sign-in through a provider failed, for people. */
const providerErrors: ReadonlyMap<SessionErrorCode, string> = new Map([
  ["provider_denied", "You cancelled, or the provider does not admit you."],
  ["provider_failed", "The provider cannot be reached, or makes no sense."],
  ["provider_refused", "The provider's answer is not for this sign-in. Try again."],
  ["account_exists", "There is an account with this e-mail already. Sign in to it instead."],
  ["popup_blocked", "The browser blocked the pop-up."],
  ["popup_closed", "The pop-up was closed before you were signed in."],
]);

/** Says in a sentence what an error means to the visitor. */
export function explain(error: unknown): string {
  if (isSessionError(error, "signed_out")) {
    return error.reason === null ? "Nobody is signed in." : endings[error.reason].title;
  }
  if (isSessionError(error, "unreachable") || isSessionError(error, "timeout")) {
    const cause = error.failure === null ? "the auth server cannot be reached" : causes[error.failure];
    return `No token to be had: ${cause}. You stay signed in.`;
  }
  if (isSessionError(error, "sign_in_refused")) {
    return refusal(error.problem ?? "", error.message, error.retryInMs);
  }
  if (isSessionError(error, "redirect_loop")) {
    return refusal("too_many_requests", error.message, error.retryInMs);
  }
  if (isSessionError(error)) {
    return providerErrors.get(error.code) ?? `${error.message} (${error.code})`;
  }
  if (isPasskeyError(error)) {
    return refusal(error.code, error.message, null);
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return "Cancelled.";
  }
  if (error instanceof AnswerError) {
    const text = error.message === "" ? `The server answered ${error.status}.` : error.message;
    return refusal(error.code, text, error.retryAfter === null ? null : error.retryAfter * 1_000);
  }
  return "The network failed before there was an answer.";
}

function refusal(code: string, message: string, retryInMs: number | null): string {
  switch (code) {
    case "invalid_credentials":
      return "E-mail and password do not match an account.";
    case "account_exists":
      return "There is an account with this e-mail already. Sign in instead.";
    case "insufficient_scope":
      return "Refused: your token does not allow this.";
    case "too_many_requests":
      return retryInMs === null
        ? "Too many attempts. Wait a moment, then try again."
        : `Too many attempts. Try again in ${Math.ceil(retryInMs / 1_000)} s.`;
    default:
      return sentence(message);
  }
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
