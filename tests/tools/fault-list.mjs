/** The faults that `npm run faults` plants. Each breaks a rule that the random tests, or those of the server, must notice. */

/**
 * @typedef {object} Fault
 * @property {string} name what is broken
 * @property {string} file in the folder
 * @property {string} [folder] of the sources: that of the core by default
 * @property {string} from text that the file has exactly once
 * @property {string} to its replacement
 * @property {string} [test] the tests that must catch it: the schedules by default
 * @property {readonly string[]} [cargo] parameters of `cargo test` for them, if they are not those of the simulation
 */

const SERVER = "www-demo/server/src";
const DOMAIN = "www-demo/server/domain/src";

/** The tests of the server's own code. @param {string} names */
const unit = (names) => ["--package", "nolapse-server", "--lib", `${names}::`];

/** The tests of a hostile provider. */
const HOSTILE = ["--package", "nolapse-server", "--test", "providers"];

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
  {
    name: "proof: a bound session is served without one",
    folder: DOMAIN,
    file: "proof.rs",
    from: "        let proof = shown.proof.ok_or(Unproven::Missing)?;",
    to: "        let Some(proof) = shown.proof else { return Ok(()) };",
    test: "device_keys",
  },
  {
    name: "proof: any key serves",
    folder: DOMAIN,
    file: "proof.rs",
    from: "if proof.jkt != jkt {",
    to: "if proof.jkt != proof.jkt {",
    test: "device_keys",
  },
  {
    name: "proof: one serves twice",
    folder: DOMAIN,
    file: "proof.rs",
    from: "if self.0.iter().any(|(_, id)| *id == proof.id) {",
    to: "if self.0.iter().any(|(until, id)| *id == proof.id && *until < now) {",
    cargo: ["--package", "nolapse-domain", "--lib", "proof::"],
  },
  {
    name: "proof: one for another method is good",
    folder: SERVER,
    file: "proof.rs",
    from: "if claims.htm != target.method {",
    to: "if claims.htm.is_empty() {",
    cargo: ["--package", "nolapse-server", "--test", "http", "p54_a_proof_that_is_not_for_this_request"],
  },
  {
    name: "passkeys: a page of another origin signs in",
    folder: SERVER,
    file: "webauthn/client_data.rs",
    from: "if is_embedded || !party.allows(&data.origin) {",
    to: "if is_embedded {",
    cargo: ["--package", "nolapse-server", "--test", "http", "p55_"],
  },
  {
    name: "passkeys: a user who is not verified signs in",
    folder: SERVER,
    file: "webauthn/authenticator_data.rs",
    from: "if !has(USER_PRESENT) || !has(USER_VERIFIED) {",
    to: "if !has(USER_PRESENT) || !has(USER_VERIFIED | USER_PRESENT) {",
    cargo: ["--package", "nolapse-server", "--test", "http", "p55_"],
  },
  {
    name: "passkeys: a challenge is good twice",
    folder: SERVER,
    file: "routes/ceremonies.rs",
    from: "    if used.await? == Applied::No {",
    to: "    if used.await? == Applied::No && clock::now().as_millis() == 0 {",
    cargo: ["--package", "nolapse-server", "--test", "http", "p55_"],
  },
  {
    name: "passkeys: a signature of RSA is not looked at",
    folder: SERVER,
    file: "webauthn/cose.rs",
    from: "        verified.map_err(|_| Refused::Signature)",
    to: "        verified.or_else(|_| if let Self::Rs256(_) = self { Ok(()) } else { Err(Refused::Signature) })",
    cargo: unit("webauthn"),
  },
  {
    name: "providers: an ID token of another sign-in is good",
    folder: SERVER,
    file: "providers/id_token.rs",
    from: "if claims.nonce.as_deref() != Some(nonce) {",
    to: "if claims.nonce.as_deref() != Some(nonce) && nonce.is_empty() {",
    cargo: HOSTILE,
  },
  {
    name: "providers: an ID token for another client is good",
    folder: SERVER,
    file: "providers/id_token.rs",
    from: "if !claims.aud.has(client) {",
    to: "if !claims.aud.has(client) && client.is_empty() {",
    cargo: HOSTILE,
  },
  {
    name: "providers: a response of another provider is good",
    folder: SERVER,
    file: "providers/client.rs",
    from: "            Some(iss) => iss == self.config.issuer,",
    to: "            Some(iss) => !iss.is_empty(),",
    cargo: HOSTILE,
  },
  {
    name: "providers: an ID token is taken for a logout token",
    folder: SERVER,
    file: "providers/logout_token.rs",
    from: "if claims.nonce.is_some() {",
    to: "if claims.nonce.is_some() && claims.iss.is_empty() {",
    cargo: HOSTILE,
  },
  {
    name: "providers: two servers ask with one refresh token",
    folder: SERVER,
    file: "store/providers.rs",
    from: "AND (version = $4 OR",
    to: "AND (version >= $4 - 1 OR",
    cargo: unit("providers::mediation"),
  },
];
