/** Hostile pages: polluted prototypes, and markup that clobbers globals. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { root } from "../../../pkg-template/tools/process.mjs";
import { openBlank } from "./scene.mjs";

/** The package as users get it. */
const INSTALLED = join(root, "node_modules", "nolapse");

/** Members that the platform reads from dictionaries (RequestInit, AddEventListenerOptions, LockOptions). */
const PLATFORM = [
  ...[
    "body",
    "cache",
    "credentials",
    "duplex",
    "headers",
    "integrity",
    "keepalive",
    "method",
    "mode",
    "priority",
    "redirect",
  ],
  ...[
    "referrer",
    "referrerPolicy",
    "signal",
    "window",
    "once",
    "passive",
    "capture",
    "ifAvailable",
    "steal",
    "ignoreBOM",
    "fatal",
  ],
];

/** Every member of every type of the declarations. */
async function declaredMembers() {
  const files = ["index.d.ts", "errors.d.ts", "events.d.ts", "options.d.ts", "verify.d.ts"];
  const types = await Promise.all(files.map((file) => readFile(join(INSTALLED, file), "utf8")));
  const bare = types.join("\n").replaceAll(/\/\*\*[\s\S]*?\*\//g, "");
  const members = [...bare.matchAll(/(?:readonly )?"?\b([a-z][\w]*)"?\??: /g)].map(([, name = ""]) => name);
  // Exports of a package and names of methods are not members of options or messages.
  return [...new Set([...members, ...PLATFORM])].filter(
    (name) => !["fetch", "close", "on", "subscribe", "trace"].includes(name),
  );
}

/** Every identifier of the shipped scripts that could name a property or a global. */
async function words() {
  const files = ["facade.js", "index.js", "inline.js", "bridge.js", "nolapse.js", "verify.js"];
  const scripts = await Promise.all(files.map((file) => readFile(join(INSTALLED, file), "utf8")));
  const all = scripts.join("\n");
  const asked = [...all.matchAll(/\b(?:globalThis|document|navigator|location|window)\b\)?\??\.(\w+)/g)];
  const names = new Set([...all.matchAll(/(?<![\w$])[A-Za-z]\w{2,30}(?![\w$])/g)].map(([word]) => word));
  return { names: [...names], frames: [...new Set(asked.map(([, name = ""]) => name))] };
}

/** @type {Record<string, import("./core.mjs").Body>} */
export const HOSTILE = {
  "P22 a polluted Object.prototype has no say in options, messages, errors or requests": async (t, openProfile) => {
    const { tab } = await openBlank(t, openProfile);
    const names = await declaredMembers();
    assert.ok(names.includes("expires_in") && names.includes("minValidityMs") && names.includes("everywhere"));

    const { clean, polluted } = await tab.evaluate(async (names) => {
      /** @type {typeof import("../pages/pollution.mjs")} */
      const { compareLives } = await import(/** @type {string} */ ("/pages/pollution.mjs"));
      return compareLives(names);
    }, names);

    for (const life of polluted) assert.deepEqual(life.split("\n"), clean.split("\n"));
    assert.ok(!clean.includes("evil.example/sign-out") && clean.includes("Bearer token.2"));
  },

  "P22 no name that markup can take changes where the token goes, or what a session sees of its page": async (
    t,
    openProfile,
  ) => {
    const { tab } = await openBlank(t, openProfile);
    const { names, frames } = await words();
    for (const name of ["baseURI", "visibilityState", "cookie"]) names.push(name);
    assert.ok(names.length > 300 && frames.includes("location"));

    const { clean, marked, isTaken } = await tab.evaluate(
      async (names, frames) => {
        /** @type {typeof import("../pages/markup.mjs")} */
        const { compareWithMarkup } = await import(/** @type {string} */ ("/pages/markup.mjs"));
        return compareWithMarkup(names, frames);
      },
      names,
      frames,
    );

    assert.ok(isTaken);
    assert.deepEqual(marked, clean);
    const [own, relative, query, listed, path, foreign] = clean.sent.map(({ authorization }) => authorization);
    assert.deepEqual([own, relative, query, listed, path], Array(5).fill("Bearer token.1"));
    assert.equal(foreign, null);
    assert.deepEqual(clean.pages, ["visible", "hidden", "visible"]);
  },
};
