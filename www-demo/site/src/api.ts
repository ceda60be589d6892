import { AnswerError, type AppSession, type Role } from "./session.js";

/** A note, as the API keeps it. */
export interface Note {
  readonly id: string;
  readonly text: string;
}

/** One of the user's sessions, as the auth server lists it. Times are in milliseconds since 1970. */
export interface Device {
  readonly id: string;
  /** The browser and system it was opened with. */
  readonly device: string;
  readonly created_at: number;
  readonly last_seen_at: number;
  /** Whether it is the session that asks. */
  readonly current: boolean;
}

/** The calls of this app. Those to the API go through `session.fetch`, which adds the token. */
export class Api {
  readonly #session: AppSession;
  readonly #origin: string;

  /** `origin` is the API's; the auth server is the page's own origin. */
  constructor(session: AppSession, origin: string) {
    this.#session = session;
    this.#origin = origin;
  }

  /** Reads the user's notes, latest first. */
  async notes(): Promise<readonly Note[]> {
    const response = await this.#send("GET", `${this.#origin}/notes`);
    const body: { notes: Note[] } = await response.json();
    return body.notes;
  }

  /** Keeps a note. */
  async addNote(text: string): Promise<void> {
    await this.#send("POST", `${this.#origin}/notes`, { text });
  }

  /** Asks for what only an admin may see: what the server counted, by name. */
  async report(): Promise<Readonly<Record<string, number>>> {
    const response = await this.#send("GET", `${this.#origin}/admin/report`);
    const body: { counters: Record<string, number> } = await response.json();
    return body.counters;
  }

  /** Lists the user's sessions. */
  async devices(): Promise<readonly Device[]> {
    const response = await this.#own("GET", "/auth/sessions");
    const body: { sessions: Device[] } = await response.json();
    return body.sessions;
  }

  /** Ends one of the user's sessions. */
  async revoke(id: string): Promise<void> {
    await this.#own("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
  }

  /** Deletes the user's account with all that is theirs. */
  async deleteAccount(): Promise<void> {
    await this.#send("DELETE", `${this.#origin}/account`);
  }

  /** Ends this very session in a way that this page is not told of. */
  async revokeFromElsewhere(id: string): Promise<void> {
    await this.#order("/demo/session", { session_id: id, change: "revoke" });
  }

  /** Gives the user another role; tokens have it from the next refresh on. */
  async changeRole(role: Role): Promise<void> {
    await this.#order("/demo/role", { role });
  }

  /** Lets the demo's server try this browser's refresh cookie without its key, as a thief would; returns the error, or null. */
  async stealCookie(): Promise<string | null> {
    const response = await this.#order("/demo/steal-cookie", {});
    const body: { error: string | null } = await response.json();
    return body.error;
  }

  /** Lets the auth server refuse refreshes for a while. */
  async breakAuthServer(seconds: number): Promise<void> {
    await this.#order("/demo/outage", { seconds, kind: "503" });
  }

  /** Sends an order to our own origin: the header is one that a foreign page cannot send. */
  async #order(url: string, body: unknown): Promise<Response> {
    return this.#send("POST", url, body, await this.#proven("POST", url));
  }

  /** Calls an endpoint of the auth server that the refresh cookie opens: an API's token does not. */
  async #own(method: string, url: string): Promise<Response> {
    return succeeded(
      await fetch(url, { method, credentials: "same-origin", headers: await this.#proven(method, url) }),
    );
  }

  /** The version, and a proof of the key that the session is bound to. */
  async #proven(method: string, path: string): Promise<Record<string, string>> {
    const dpop = await this.#session.proof({ method, url: new URL(path, location.origin) });
    return { "nolapse-version": "1", ...(dpop === null ? {} : { dpop }) };
  }

  async #send(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { "content-type": "application/json" };
    return succeeded(await this.#session.fetch(url, { method, headers: { ...type, ...headers }, ...json }));
  }
}

/** Returns the response; throws {@link AnswerError} where it is not a success. */
async function succeeded(response: Response): Promise<Response> {
  if (!response.ok) {
    throw await AnswerError.from(response);
  }
  return response;
}
