/** The faults that `npm run faults` plants. Each stands for a rule that the random tests are to miss. */

/**
 * @typedef {object} Fault
 * @property {string} name what is broken
 * @property {string} file in `src/core`
 * @property {string} from text that stands there exactly once
 * @property {string} to what it becomes
 * @property {string} [test] the tests that are to catch it: the schedules unless said otherwise
 */

/** @type {readonly Fault[]} */
export const FAULTS = [
  {
    name: "lock: a lock that comes too late is kept",
    file: "lock.rs",
    from: "        if !is_current {\n            self.effects.release(granted);",
    to: "        if is_current {\n            self.effects.release(granted);",
  },
  {
    name: "lock: nobody looks again after waiting",
    file: "lock.rs",
    from: "if self.page.is_suspended || !self.is_wanted(task, now) {",
    to: "if self.page.is_suspended {",
  },
  {
    name: "news: a new token is not handed over",
    file: "publish.rs",
    from: "            && active.is_usable(context.now)\n",
    to: "            && !active.is_usable(context.now)\n",
  },
  {
    name: "news: a token's age on the way is forgotten",
    file: "peers.rs",
    from: "let age = age + context.wall.since(posted);",
    to: "let age = age.min(context.wall.since(posted));",
  },
  {
    name: "clock: naps are not noticed",
    file: "time.rs",
    from: "self.slept += missed;",
    to: "self.slept += 0.0;",
  },
  {
    name: "wake: a resumed page goes on dozing",
    file: "lifecycle.rs",
    from: "self.page.is_suspended = self.page.is_pagehidden;",
    to: "self.page.is_suspended = true;",
  },
  {
    name: "wake: a page that comes back does not listen again",
    file: "lifecycle.rs",
    from: "self.effects.push(Effect::OpenChannel);",
    to: "self.effects.push(Effect::CloseChannel);",
  },
  {
    name: "ordering: an answer to an earlier session counts",
    file: "outcome.rs",
    from: "        if in_flight.epoch != self.epoch {\n            // A sign-in or sign-out",
    to: "        if in_flight.epoch == u32::MAX {\n            // A sign-in or sign-out",
  },
  {
    name: "ordering: what is written hides what others have written",
    file: "publish.rs",
    from: "        self.version.newest(self.seen)\n",
    to: "        self.version\n",
  },
  {
    name: "waiting: callers are not told that their time is over",
    file: "session.rs",
    from: "self.expire_callers(context.now);",
    to: "self.expire_callers(Timestamp::default());",
  },
  {
    name: "waiting: callers do not wait for a server that comes back",
    file: "backoff.rs",
    from: "now < window && of_use <= window",
    to: "now > window && of_use <= window",
  },
  {
    name: "waiting: what another tab tells of the pace is forgotten",
    file: "backoff.rs",
    from: "let until = now + snapshot.retry_in.min(longest);",
    to: "let until = now + snapshot.retry_in.min(longest) / 100;",
  },
  {
    name: "numbering: it is not begun anew where the record has another one",
    file: "publish.rs",
    from: "(self.version, self.seen) = (version, version);",
    to: "(self.version, self.seen) = (known, version);",
    test: "records",
  },
];
