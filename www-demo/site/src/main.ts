import { isSessionError } from "nolapse";
import { createPasskeys, createTotp } from "nolapse/passkeys";
import { Api } from "./api.js";
import { AuthForm } from "./auth-form.js";
import { loadConfig, type Config } from "./config.js";
import { Controls, forgetResults } from "./controls.js";
import { Devices } from "./devices.js";
import { Lifeline } from "./lifeline.js";
import { Credentials } from "./passkeys.js";
import { Notes } from "./notes.js";
import { Providers } from "./providers.js";
import { PushSwitch } from "./push.js";
import { milliseconds } from "./rows.js";
import { Ring } from "./ring.js";
import { openSession, type AppSession } from "./session.js";
import { Timeline } from "./timeline.js";
import { StepUp } from "./step-up.js";
import { showTrace } from "./trace.js";
import { View } from "./view.js";
import { explain } from "./words.js";

const BACK_HASH = "#back";

const view = new View();

async function start(): Promise<void> {
  const config = await loadConfig();
  const session = openSession(config);
  run(session, config);
}

function run(session: AppSession, config: Config): void {
  const timeline = new Timeline(session);
  const lifeline = new Lifeline(session, config.token_life);
  const ring = new Ring(session, config.token_life);
  const api = new Api(session, config.api);
  const notes = new Notes(api);
  const devices = new Devices(api);
  const push = new PushSwitch(view);
  const controls = new Controls(session, api, notes, config, push);
  const account = { auth: location.origin, session };
  const [passkeys, totp] = [createPasskeys(account), createTotp(account)];
  const stepUp = new StepUp(session, passkeys);
  const credentials = new Credentials(passkeys, totp, stepUp);
  const form = new AuthForm(session, passkeys, totp, () => stepUp.code());
  new Providers(session);
  showTrace(session);

  let user = "";
  session.subscribe((status) => {
    view.show(status, timeline.hasRows);
    const next = status.state === "signed_in" ? status.user.id : "";
    if (status.state === "signed_out" && status.reason === "revoked") {
      push.tell();
    }
    if (status.state === "signed_in") {
      controls.offerRole(status.user.role);
    }
    if (next !== user && user !== "") {
      notes.forget();
      devices.forget();
      credentials.forget();
      forgetResults();
    }
    user = next;
  });
  session.on("signed_out", () => {
    form.show("sign-in");
    view.show(session.status, true);
  });

  const draw = (): void => {
    ring.draw();
    timeline.draw();
    lifeline.draw();
    requestAnimationFrame(draw);
  };
  draw();
  void greet(session, notes);
}

/** Makes the first call right away: the session lets it wait until there is a token. */
async function greet(session: AppSession, notes: Notes): Promise<void> {
  const returned = location.hash === BACK_HASH;
  if (returned) {
    history.replaceState(null, "", "/");
  }
  let waited = 0;
  const stop = session.on("call", (event) => {
    waited = event.waitedMs;
  });
  try {
    await notes.load();
    if (returned) {
      view.notify(
        "Welcome back.",
        waited > 0
          ? `There was no usable token. The first call waited ${milliseconds(waited)} for one refresh, then went out: see the two rows below.`
          : "Another tab kept the token alive meanwhile, so the first call had nothing to wait for.",
      );
    }
  } catch (error) {
    if (!isSessionError(error, "signed_out")) {
      view.notify("The notes could not be read.", explain(error));
    }
  } finally {
    stop();
  }
}

start().catch((error: unknown) => view.fail(error));
