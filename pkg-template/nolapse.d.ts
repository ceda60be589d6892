/** What wasm-bindgen makes of `src/npm.rs`, as far as the facade uses it. Users never see it. */

import type {
  FailureCause,
  RefreshEvent,
  RefreshReason,
  SessionErrorCode,
  SignOutReason,
  TraceEntry,
  WasmSource,
} from "./index.js";

/** What the module tells, by position. */
export interface Facade {
  status(
    state: "unknown" | "signed-in" | "signed-out",
    sessionId: string,
    user: string,
    degraded: FailureCause | undefined,
    reason: SignOutReason | undefined,
    serverTold: boolean,
  ): void;
  refreshed(
    reason: RefreshReason | undefined,
    source: RefreshEvent["source"],
    waiting: number,
    duration: number,
    expiresIn: number,
    refreshIn: number,
  ): void;
  refreshFailed(
    reason: RefreshReason,
    cause: FailureCause,
    httpStatus: number | undefined,
    duration: number,
    failures: number,
    retryIn: number,
  ): void;
  signedOut(reason: SignOutReason): void;
  userChanged(previous: string, user: string): void;
  called(
    method: string,
    url: string,
    waited: number,
    tokenAge: number,
    httpStatus: number | undefined,
    retried: boolean,
    duration: number,
  ): void;
  traced(...step: Step): void;
  error(
    code: SessionErrorCode,
    message: string,
    reason: SignOutReason | undefined,
    failure: FailureCause | undefined,
    retryIn: number | undefined,
    option: string | undefined,
  ): Error;
}

/** One transition, by position. */
export type Step = [
  at: number,
  trigger: string,
  status: TraceEntry["status"],
  tab: number,
  page: TraceEntry["page"],
  attempt: number | undefined,
  outcome: string | undefined,
];

/** An endpoint, as the facade hands it over. */
export type Place = string | ((context: never) => unknown);

/** The options, by position: `signOut` is null where `auth` is a server. */
export type Given = [
  auth: Place,
  signOut: Place | null | undefined,
  apis: string,
  name: string | undefined,
  timeout: number,
];

export class Handle {
  constructor(...given: [...Given, seed: number, facade: Facade]);
  fetch(input: RequestInfo | URL, init: RequestInit | undefined): Promise<Response>;
  getToken(minValidity: number, signal: AbortSignal | undefined): Promise<string>;
  refresh(force: boolean, signal: AbortSignal | undefined): Promise<void>;
  adopt(answer: unknown): Promise<void>;
  adoptWith(signIn: () => unknown): Promise<void>;
  signOut(everywhere: boolean): Promise<boolean>;
  expiresIn(): number;
  tellStatus(facade: Pick<Facade, "status">): void;
  tellTrace(facade: Pick<Facade, "traced">): void;
  hearCalls(isWanted: boolean): void;
  close(): void;
}

export function buildId(): string;

export default function load(options: { module_or_path: WasmSource }): Promise<unknown>;
