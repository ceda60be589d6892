/** How often everything is measured: as often as each bench says, or as `NOLAPSE_ROUNDS` says for a quick trial. */

/** @param {number} usual */
export function roundsOf(usual) {
  const asked = process.env.NOLAPSE_ROUNDS ?? String(usual);
  if (!/^[1-9]\d{0,3}$/.test(asked)) throw new Error(`NOLAPSE_ROUNDS is a number from 1 on, not ${asked}`);
  return Number(asked);
}
