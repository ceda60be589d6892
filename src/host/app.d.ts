/** An input, by position: its kind, its id, then its other fields: up to three numbers, and the lines of its text. */
export type Given = [kind: number, id: number, a?: number, b?: number, c?: number, ...lines: string[]];

/** The app's callbacks, with positional arguments; NaN and empty texts stand for unknown values. */
export interface App {
  status(
    serverNotified: boolean,
    state: string,
    failure: string,
    reason: string,
    sessionId: string,
    user: string,
  ): void;
  refreshed(
    waiting: number,
    durationMs: number,
    expiresIn: number,
    refreshIn: number,
    reason: string,
    source: string,
  ): void;
  refreshFailed(
    httpStatus: number,
    durationMs: number,
    failures: number,
    retryInMs: number,
    reason: string,
    failure: string,
  ): void;
  signedOut(reason: string): void;
  userChanged(previous: string, user: string): void;
  called(
    method: string,
    url: string,
    waitedMs: number,
    tokenAgeMs: number,
    httpStatus: number | undefined,
    retried: boolean,
    durationMs: number,
  ): void;
  traced(
    atMs: number,
    tab: number,
    attempt: number,
    trigger: string,
    status: string,
    page: string,
    outcome: string,
  ): void;
  /** Why the last sign-in by redirect failed. */
  signInError?: unknown;
  /** Emits an event that the machine knows nothing of. */
  emit?(type: string, event: object): void;
  /** Creates the error that a caller is rejected with. */
  error(
    code: string,
    message: string,
    reason: string,
    failure: string,
    retryInMs: number,
    cause?: unknown,
    problem?: string,
  ): unknown;
  /** The module has trapped: the host is unusable, and a new instance is needed. */
  onTrap(cause: unknown): void;
}
