/** A port for a server of a test's own. */

import { once } from "node:events";

/**
 * Makes a server listen on a free port until the test ends.
 *
 * @param {import("node:test").TestContext} test
 * @param {import("node:http").Server} server
 * @returns {Promise<string>} its origin
 */
export async function listen(test, server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return `http://127.0.0.1:${port}`;
}
