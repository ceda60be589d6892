import type { Api } from "./api.js";
import { Result } from "./control.js";
import { byId, element } from "./dom.js";

const SHOWN_NOTES = 3;

/** The visitor's notes: something worth fetching. */
export class Notes {
  readonly #api: Api;
  readonly #list = byId("notes", HTMLUListElement);
  readonly #field = byId("note-text", HTMLInputElement);
  readonly #result = new Result("note");

  /** Wires the form that adds a note. */
  constructor(api: Api) {
    this.#api = api;
    byId("control-note", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#result.of(() => this.#add(this.#field.value.trim()));
    });
  }

  /** Fetches the notes and shows the latest; gives their number. */
  async load(): Promise<number> {
    const notes = await this.#api.notes();
    this.#list.replaceChildren(...notes.slice(0, SHOWN_NOTES).map((note) => element("li", {}, note.text)));
    return notes.length;
  }

  /** Forgets what was shown, for the next user. */
  forget(): void {
    this.#list.replaceChildren();
    this.#result.say("");
  }

  async #add(text: string): Promise<string> {
    if (text === "") {
      return "Type a few words first.";
    }
    await this.#api.addNote(text);
    this.#field.value = "";
    const count = await this.load();
    return count === 1 ? "Kept. It is your first note." : `Kept. You have ${count} notes.`;
  }
}
