/** The faults that `npm run faults` plants. Each breaks a rule that the random tests must notice. */

/**
 * @typedef {object} Fault
 * @property {string} name what is broken
 * @property {string} file in `src/core`
 * @property {string} from text that the file has exactly once
 * @property {string} to its replacement
 * @property {string} [test] the tests that must catch it: the schedules by default
 */

/** @type {readonly Fault[]} */
export const FAULTS = [
  {
    name: "lock: a lock that comes too late is kept",
    file: "refresher/lock.rs",
    from: "            // Granted too late.\n            effects.release(granted);",
    to: "            // Granted too late.",
  },
  {
    name: "lock: nobody looks again after waiting",
    file: "refresher.rs",
    from: "!situation.is_suspended && situation.wants(exchange.task)",
    to: "!situation.is_suspended",
  },
  {
    name: "news: a new token is not handed over",
    file: "credential.rs",
    from: "State::Active(active) if active.is_usable(context.now) => {",
    to: "State::Active(active) if !active.is_usable(context.now) => {",
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
    from: "                self.stage = Stage::Running;",
    to: "                self.stage = Stage::Suspended;",
  },
  {
    name: "wake: a page that comes back does not listen again",
    file: "session/page.rs",
    from: "Transition::Returned => {\n                self.effects.push(Effect::OpenChannel);",
    to: "Transition::Returned => {\n                self.effects.push(Effect::CloseChannel);",
  },
  {
    name: "ordering: an answer to an earlier session counts",
    file: "situation.rs",
    from: "        if self.epoch != epoch {\n",
    to: "        if self.epoch == u32::MAX {\n",
  },
  {
    name: "ordering: what is written hides what others have written",
    file: "credential.rs",
    from: "        self.version.newest(self.seen)\n",
    to: "        self.version\n",
  },
  {
    name: "waiting: callers are not told that their time is over",
    file: "callers.rs",
    from: "self.first_deadline().is_some_and(|first| first <= now)",
    to: "self.first_deadline().is_some_and(|first| first <= Timestamp::default())",
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
    file: "credential/record.rs",
    from: "(self.version, self.seen) = (version, version);",
    to: "(self.version, self.seen) = (known, version);",
    test: "records",
  },
  {
    name: "push: a stream that ended is not opened again",
    file: "push.rs",
    from: "self.retry_at = now + self.rng.jitter(self.step).max(Self::SHORTEST);",
    to: "self.retry_at = NEVER;",
  },
  {
    name: "push: a push message asks for no refresh",
    file: "credential.rs",
    from: "active.refresh_at().min(pushed).max(retry_at)",
    to: "active.refresh_at().max(pushed.min(retry_at))",
  },
];
