import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { build } from "esbuild";

import { root } from "../../pkg-template/tools/process.mjs";
import { readDocument } from "./documents.mjs";

const FOLDER = join(root, ".cache", "docs", "migration");

test("the refresher for OAuth servers renews, rotates its refresh token, and ends where the grant is invalid", async (t) => {
  const { snippets } = await readDocument("docs/migration.md");
  const { outputFiles } = await build({
    stdin: { contents: snippets.find(({ language }) => language === "ts")?.text ?? "", loader: "ts", resolveDir: root },
    format: "esm",
    bundle: true,
    alias: { nolapse: "nolapse/testing" },
    write: false,
  });
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, "oauth.mjs"), outputFiles[0]?.contents ?? "");
  const native = globalThis.fetch;
  t.after(() => {
    globalThis.fetch = native;
  });
  /** @type {(string | null)[]} */
  const used = [];
  globalThis.fetch = async (_, init) => {
    const given = new URLSearchParams(String(init?.body)).get("refresh_token");
    used.push(given);
    if (given === "second") return Response.json({ error: "invalid_grant" }, { status: 400 });
    return Response.json({ access_token: "renewed", refresh_token: "second", expires_in: 60 });
  };
  /** @type {{ session: import("nolapse/testing").TestSession<{ id: string }>, begin: (given: object, user: { id: string }) => Promise<void> }} */
  const { session, begin } = await import(pathToFileURL(join(FOLDER, "oauth.mjs")).href);

  await begin({ access_token: "from-the-sign-in", refresh_token: "first", expires_in: 60 }, { id: "1" });
  assert.equal(await session.getToken(), "from-the-sign-in");
  await session.test.advance(55_000);
  assert.equal(await session.getToken(), "renewed");
  await session.test.advance(55_000);

  assert.deepEqual(used, ["first", "second"]);
  assert.deepEqual(
    [session.status.state, await session.getToken().catch(({ reason }) => reason)],
    ["signed_out", "expired"],
  );
});
