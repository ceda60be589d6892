import { createSession, type Session } from "nolapse";
import type { Config } from "./config.js";
import { isPushed } from "./push.js";

/** What this app's auth server says about its users. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
}

/** What a user may do: `admin` sees the report of all accounts. */
export type Role = "member" | "admin";

/** The session of this app. */
export type AppSession = Session<User>;

/** Creates the session: the auth server is the page's own origin, the API is another one. */
export function openSession(config: Config): AppSession {
  return createSession<User>({ auth: location.origin, allowedOrigins: [config.api], push: isPushed() });
}

/** An answer that is not a success, in the one error shape of the servers. */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly status: number;
  /** The `error` of the answer, or an empty string where it has none. */
  readonly code: string;
  /** Seconds to wait before the next attempt, where the answer says so. */
  readonly retryAfter: number | null;

  private constructor(status: number, code: string, description: string, retryAfter: number | null) {
    super(description);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Reads a refused answer. */
  static async from(response: Response): Promise<AnswerError> {
    const body: unknown = await response.json().catch(() => null);
    const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
    return new AnswerError(
      response.status,
      textIn(body, "error"),
      textIn(body, "error_description"),
      Number.isNaN(seconds) ? null : seconds,
    );
  }
}

function textIn(body: unknown, key: string): string {
  if (typeof body !== "object" || body === null) {
    return "";
  }
  const value: unknown = Reflect.get(body, key);
  return typeof value === "string" ? value : "";
}
