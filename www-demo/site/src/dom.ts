/** Small helpers around the DOM. Nothing here parses markup, so that Trusted Types and a strict policy stay content. */

/** Returns the element of that id and type; a page without it is a bug and throws. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) {
    throw new Error(`The page has no ${type.name} #${id}.`);
  }
  return found;
}

/** Returns the first match of that type below `root`; a page without it is a bug and throws. */
export function within<T extends Element>(root: ParentNode, selector: string, type: new () => T): T {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) {
    throw new Error(`The page has no ${type.name} at ${selector}.`);
  }
  return found;
}

/** Creates an element with attributes and children. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    created.setAttribute(name, value);
  }
  created.append(...children);
  return created;
}

/** Creates an SVG element with attributes. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>>,
): SVGElementTagNameMap[Tag] {
  const created = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    created.setAttribute(name, String(value));
  }
  return created;
}

/** Writes text only where it differs, so that an unchanged live region stays silent and layout is left alone. */
export function say(target: Element, text: string): void {
  if (target.textContent !== text) {
    target.textContent = text;
  }
}

const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether the visitor asks for less motion, now. */
export const prefersStillness = (): boolean => stillness.matches;
