/** The command queue and the timers between a machine and its host. */

/**
 * A command, by position.
 *
 * @typedef {[kind: number, id: number, a: number, b: number, c: number, d: number, text: string]} Command
 */

/** The part of the module's class that hosts use. @typedef {import("./machine.js").Machine} Machine */

/** @type {Command[]} */
let commands = [];

/** @type {Map<number, () => void>} */
const timers = new Map();

/**
 * Queues a command of a machine; the module imports this.
 *
 * @param {Command} given
 */
export function pushCommand(...given) {
  commands.push(given);
}

/** Returns the commands queued since the last call, and empties the queue. */
export function drainCommands() {
  const all = commands;
  commands = [];
  return all;
}

/**
 * Calls the timer handler of a machine's host; the module imports this.
 *
 * @param {number} machine
 */
export function fireTimer(machine) {
  timers.get(machine)?.();
}

/**
 * Sets the timer handler of a machine's host; without `fire`, removes it.
 *
 * @param {number} machine
 * @param {() => void} [fire]
 */
export function onTimer(machine, fire) {
  if (fire) timers.set(machine, fire);
  else timers.delete(machine);
}
