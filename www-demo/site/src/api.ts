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

/** The calls of this app. Each goes through `session.fetch`, which brings the token along. */
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
    return listIn<Note>(await response.json(), "notes");
  }

  /** Keeps a note. */
  async addNote(text: string): Promise<void> {
    await this.#send("POST", `${this.#origin}/notes`, { text });
  }

  /** Asks for what only an admin may see: how many users and notes there are. */
  async report(): Promise<unknown> {
    return (await this.#send("GET", `${this.#origin}/admin/report`)).json();
  }

  /** Lists the user's sessions. */
  async devices(): Promise<readonly Device[]> {
    const response = await this.#send("GET", "/auth/sessions");
    return listIn<Device>(await response.json(), "sessions");
  }

  /** Ends one of the user's sessions. */
  async revoke(id: string): Promise<void> {
    await this.#send("DELETE", `/auth/sessions/${encodeURIComponent(id)}`);
  }

  /** Ends this very session in a way that this page is not told of. */
  async revokeFromElsewhere(id: string): Promise<void> {
    await this.#send("POST", "/demo/revoke", { session_id: id });
  }

  /** Gives the user another role; tokens have it from the next refresh on. */
  async changeRole(role: Role): Promise<void> {
    await this.#send("POST", "/demo/role", { role });
  }

  /** Lets the auth server refuse refreshes for a while. */
  async breakAuthServer(seconds: number): Promise<void> {
    await this.#send("POST", "/demo/outage", { seconds, kind: "503" });
  }

  async #send(method: string, url: string, body?: unknown): Promise<Response> {
    const response = await this.#session.fetch(url, {
      method,
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    if (!response.ok) {
      throw await AnswerError.from(response);
    }
    return response;
  }
}

/** Takes a list out of an answer of our own servers. */
function listIn<Item>(body: unknown, key: string): readonly Item[] {
  const list: unknown = typeof body === "object" && body !== null ? Reflect.get(body, key) : null;
  if (!Array.isArray(list)) {
    throw new Error(`The answer has no ${key}.`);
  }
  return list;
}
