import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { run } from "../../pkg-template/tools/process.mjs";
import { INSTALLED } from "./package.mjs";

const INLINE = pathToFileURL(`${INSTALLED}/inline.js`).href;

/** The API that the apps list, and one whose host only resolvers accept. */
const LISTED = ["https://api.example.com", "https://my_api.example.com"];

/** URLs whose origin is `null`, or that only resemble a listed one. */
const FOREIGN = [
  ...["capacitor://localhost/", "ionic://localhost/", "tauri://localhost/", "tauri://evil/", "app://app/", "evil://x/"],
  ...["capacitor://api.example.com/", "file:///etc/hosts", "data:,x", "blob:null/1", "about:blank", "javascript:1"],
  ...["https://my_api.example.com.evil.test/", "https://my-api.example.com/", "https://localhost:1/"],
];

/**
 * The origin that pages of app shells see as their own: a web view that knows the scheme names it, any other browser says
 * `null`. Node's `URL` calls the origin of each such URL `null`, as browsers do.
 */
const PAGES = [
  ["null", "capacitor://localhost/"],
  ["null", "file:///index.html"],
  ["capacitor://localhost", "capacitor://localhost/"],
  ["tauri://localhost", "tauri://localhost/"],
  ["app://app", "app://app/index.html"],
  ["https://localhost", "https://localhost/"],
  ["http://tauri.localhost", "http://tauri.localhost/"],
  [
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop/popup.html",
  ],
];

/**
 * Runs a script as a page of that origin, whose network records the `Authorization` of each call; the script's results.
 *
 * @param {readonly string[]} page its origin and its address
 * @param {string} body
 */
async function play([origin, href], body) {
  const code = `
    Object.defineProperty(globalThis, "location", { value: ${JSON.stringify({ origin, href })} });
    const tokens = {};
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      tokens[request.url] = request.headers.get("authorization");
      return new Response();
    };
    const { createSession } = await import(${JSON.stringify(INLINE)});
    const tell = (what) => process.stdout.write(JSON.stringify(what));
    ${body}
  `;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", code]);
  return JSON.parse(stdout);
}

for (const page of PAGES) {
  test(`line14 a page of ${page[1]} with the origin ${page[0]} sends the token where it is listed and nowhere else`, async () => {
    const own = page[0]?.startsWith("http") ? [`${page[0]}/own`] : [];
    const listed = [...LISTED.map((api) => `${api}/notes`), ...own];
    const foreign = [...FOREIGN, ...(own.length ? [] : [`${page[1]}own`])];

    const tokens = await play(
      page,
      `
      const session = createSession({ auth: "https://auth.example.com", allowedOrigins: ${JSON.stringify(LISTED)} });
      await session.setTokens({ access_token: "token", expires_in: 60, session: { id: "s", user: { id: "u" } } });
      for (const url of ${JSON.stringify([...listed, ...foreign])}) {
        await session.fetch(url);
        await session.fetch(new Request(url));
      }
      session.close();
      tell(tokens);
    `,
    );

    for (const url of listed) assert.equal(tokens[url], "Bearer token", url);
    for (const url of foreign) assert.equal(tokens[new URL(url).href], null, url);
  });
}

test("line14 origins of shells are no places for a token or an auth server: a typed error", async () => {
  const origins = [
    "capacitor://localhost",
    "tauri://localhost",
    "app://app",
    "chrome-extension://abc",
    "null",
    "file://",
  ];

  const refused = await play(
    ["tauri://localhost", "tauri://localhost/"],
    `
    const refused = [];
    for (const origin of ${JSON.stringify(origins)})
      for (const options of [{ auth: origin }, { auth: "https://auth.example.com", allowedOrigins: [origin] }])
        try { createSession(options).close(); } catch ({ code, option }) { refused.push([code, option]); }
    tell(refused);
  `,
  );

  assert.deepEqual(
    refused,
    origins.flatMap(() => [
      ["misconfigured", "auth"],
      ["misconfigured", "allowedOrigins"],
    ]),
  );
});

test("line14 a page without an origin has no path for an endpoint, and is told so", async () => {
  const error = await play(
    ["null", "app:index.html"],
    `
    try { createSession({ auth: { refresh: "/auth/refresh" } }).close(); }
    catch ({ code, option, message }) { tell([code, option, message]); }
  `,
  );

  assert.deepEqual(error.slice(0, 2), ["misconfigured", "auth.refresh"]);
  assert.match(error[2], /a path of the page's origin/);
});
