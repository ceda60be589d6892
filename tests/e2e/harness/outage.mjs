/** Makes the refresh endpoint fail on purpose, through the server's test endpoints. */

/**
 * Begins an outage, in place of any that is there.
 *
 * @param {import("./server.mjs").Server} server
 * @param {Record<string, unknown>} order `kind`, and the other settings of `/demo/outage`
 */
export async function beginOutage(server, order) {
  await command(server, { seconds: 300, ...order });
}

/**
 * Ends it.
 *
 * @param {import("./server.mjs").Server} server
 */
export async function endOutage(server) {
  await command(server, { seconds: 0 });
}

/**
 * @param {import("./server.mjs").Server} server
 * @param {Record<string, unknown>} order
 */
async function command(server, order) {
  const answer = await fetch(`${server.auth}/demo/outage`, {
    method: "POST",
    headers: { "content-type": "application/json", "nolapse-version": "1", origin: server.auth },
    body: JSON.stringify(order),
  });
  if (!answer.ok) throw new Error(`/demo/outage: ${answer.status} ${await answer.text()}`);
}
