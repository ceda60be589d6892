import { byId, say } from "./dom.js";
import { explain } from "./words.js";

/** Runs something for the visitor and says in a line what came of it. */
export type Work = () => Promise<string>;

/** A place where a control says what came of it. */
export class Result {
  readonly #output: HTMLElement;

  /** The output `#result-NAME`. */
  constructor(name: string) {
    this.#output = byId(`result-${name}`, HTMLElement);
  }

  /** Says how it went. */
  say(text: string, tone: "plain" | "bad" = "plain"): void {
    this.#output.dataset.tone = tone;
    say(this.#output, text);
  }

  /** Runs the work and says what came of it, or why nothing did. */
  async of(work: Work): Promise<void> {
    try {
      this.say(await work());
    } catch (error) {
      this.say(explain(error), "bad");
    }
  }
}

/** Lets a button do its work, once at a time; it keeps the focus meanwhile. */
export function onPress(button: HTMLButtonElement, result: Result, work: Work): void {
  let busy = false;
  button.addEventListener("click", () => {
    if (busy) {
      return;
    }
    busy = true;
    button.setAttribute("aria-disabled", "true");
    void result.of(work).finally(() => {
      busy = false;
      button.removeAttribute("aria-disabled");
    });
  });
}

/** Wires the button `#control-NAME` to the output `#result-NAME`. */
export function control(name: string, work: Work, resultName = name): Result {
  const result = new Result(resultName);
  onPress(byId(`control-${name}`, HTMLButtonElement), result, work);
  return result;
}
