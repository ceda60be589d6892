import { byId, prefersStillness, say, svg } from "./dom.js";
import type { AppSession } from "./session.js";

const CENTRE = 120;
const RADIUS = 92;
const TICKS = 60;
const LABELS = 6;

/** How much of its life a token has left, and what happens next. */
type Phase = "none" | "fresh" | "due" | "expired";

/**
 * The token's life as the dial of a watch: the hand shows the token's age, the arc what is left of it, and the mark
 * where the next token is fetched.
 */
export class Ring {
  readonly #session: AppSession;
  readonly #dial = byId("dial", HTMLElement);
  readonly #face = byId("dial-face", SVGSVGElement);
  readonly #seconds = byId("ring-seconds", HTMLElement);
  readonly #phase = byId("ring-phase", HTMLElement);
  readonly #arc = svg("circle", { class: "arc", cx: CENTRE, cy: CENTRE, r: RADIUS });
  readonly #leadArc = svg("circle", { class: "lead-arc", cx: CENTRE, cy: CENTRE, r: RADIUS });
  readonly #hand = svg("g", { class: "hand" });
  readonly #mark = svg("g", { class: "mark" });
  readonly #markLabel = svg("text", { class: "mark-label", "text-anchor": "middle", "dominant-baseline": "central" });
  readonly #labels: SVGTextElement[] = [];
  #life: number;
  /** How long before its expiry the token is refreshed, in seconds, by the last `refresh` event. */
  #lead = 0;
  #drawn = "";

  /** Draws the dial for tokens of `life` seconds. */
  constructor(session: AppSession, life: number) {
    this.#session = session;
    this.#life = life;
    this.#build();
    this.#scale();
    session.on("refresh", (event) => {
      this.#life = Math.max(life, event.expiresIn);
      this.#lead = Math.max(0, event.expiresIn - event.refreshIn);
      this.#scale();
      this.#pulse();
    });
  }

  /** Shows the present moment; called at each animation frame. */
  draw(): void {
    const left = Math.min(this.#life, Math.max(0, this.#session.expiresIn));
    const shown = prefersStillness() ? Math.ceil(left) : Math.ceil(left * 50) / 50;
    const { state, failure } = this.#session.status;
    const key = `${shown} ${state} ${failure}`;
    if (key === this.#drawn) {
      return;
    }
    this.#drawn = key;
    const age = this.#life - Math.min(shown, this.#life);
    this.#arc.setAttribute("stroke-dasharray", `${Math.max(shown, 0.001)} ${this.#life * 2}`);
    this.#arc.setAttribute("stroke-dashoffset", String(-age));
    this.#hand.setAttribute("transform", `rotate(${(age / this.#life) * 360} ${CENTRE} ${CENTRE})`);
    const phase = this.#phaseAt(left);
    this.#dial.dataset.phase = phase;
    say(this.#seconds, String(Math.ceil(left)));
    say(this.#phase, this.#sentence(phase, left));
  }

  #phaseAt(left: number): Phase {
    if (this.#session.status.state !== "signed_in") {
      return "none";
    }
    if (left <= 0) {
      return "expired";
    }
    return left <= this.#lead ? "due" : "fresh";
  }

  #sentence(phase: Phase, left: number): string {
    switch (phase) {
      case "none":
        return "No token.";
      case "expired":
        return this.#session.status.failure === null
          ? "Expired: the next call waits for a new one."
          : "Expired: calls wait for the auth server.";
      case "due":
        return "Being renewed; still valid meanwhile.";
      case "fresh":
        return `Renews itself in ${Math.ceil(left - this.#lead)} s.`;
    }
  }

  #build(): void {
    const track = svg("circle", { class: "track", cx: CENTRE, cy: CENTRE, r: RADIUS });
    for (const circle of [this.#arc, this.#leadArc]) {
      circle.setAttribute("transform", `rotate(-90 ${CENTRE} ${CENTRE})`);
    }
    const ticks = svg("g", { class: "ticks" });
    for (let tick = 0; tick < TICKS; tick += 1) {
      const long = tick % (TICKS / LABELS) === 0;
      ticks.append(
        svg("line", {
          class: long ? "tick long" : "tick",
          x1: CENTRE,
          x2: CENTRE,
          y1: CENTRE - RADIUS + 13,
          y2: CENTRE - RADIUS + (long ? 20 : 17),
          transform: `rotate(${(tick / TICKS) * 360} ${CENTRE} ${CENTRE})`,
        }),
      );
    }
    for (let label = 0; label < LABELS; label += 1) {
      const [x, y] = onDial(label / LABELS, RADIUS + 18);
      this.#labels.push(svg("text", { x, y, "text-anchor": "middle", "dominant-baseline": "central" }));
    }
    const captions = svg("g", { class: "captions" });
    captions.append(...this.#labels);
    this.#hand.append(svg("circle", { class: "hand-tip", cx: CENTRE, cy: CENTRE - RADIUS, r: 8 }));
    this.#mark.append(svg("line", { x1: CENTRE, x2: CENTRE, y1: CENTRE - RADIUS - 9, y2: CENTRE - RADIUS + 9 }));
    this.#face.append(track, this.#leadArc, ticks, captions, this.#arc, this.#mark, this.#markLabel, this.#hand);
  }

  #scale(): void {
    const lead = this.#lead;
    const at = this.#life - lead;
    for (const circle of [this.#arc, this.#leadArc]) {
      circle.setAttribute("pathLength", String(this.#life));
    }
    this.#leadArc.setAttribute("stroke-dasharray", `${lead} ${this.#life * 2}`);
    this.#leadArc.setAttribute("stroke-dashoffset", String(-at));
    this.#mark.setAttribute("transform", `rotate(${(at / this.#life) * 360} ${CENTRE} ${CENTRE})`);
    const [x, y] = onDial(at / this.#life, RADIUS + 18);
    this.#markLabel.setAttribute("x", String(x));
    this.#markLabel.setAttribute("y", String(y));
    say(this.#markLabel, tidy(at));
    for (const [index, label] of this.#labels.entries()) {
      const value = (index / LABELS) * this.#life;
      // The mark's own number stands there already.
      say(label, Math.abs(value - at) < this.#life / 15 ? "" : tidy(index === 0 ? this.#life : value));
    }
    this.#drawn = "";
  }

  #pulse(): void {
    if (prefersStillness()) {
      return;
    }
    this.#dial.classList.remove("renewed");
    // Reading the layout restarts the animation.
    void this.#dial.offsetWidth;
    this.#dial.classList.add("renewed");
  }
}

/** Returns the point at that fraction of a turn, clockwise from the top. */
function onDial(turn: number, radius: number): readonly [number, number] {
  const angle = turn * 2 * Math.PI;
  return [CENTRE + Math.sin(angle) * radius, CENTRE - Math.cos(angle) * radius];
}

function tidy(seconds: number): string {
  return seconds >= 20 ? String(Math.round(seconds)) : String(Math.round(seconds * 10) / 10);
}
