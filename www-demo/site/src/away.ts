import { byId, say } from "./dom.js";

const LONGEST_SECONDS = 3_600;

const asked = Number(new URLSearchParams(location.search).get("seconds"));
const seconds = Number.isFinite(asked) && asked > 0 ? Math.min(asked, LONGEST_SECONDS) : 60;
const until = Date.now() + seconds * 1_000;
const countdown = byId("countdown", HTMLElement);

function tick(): void {
  const left = Math.ceil((until - Date.now()) / 1_000);
  if (left <= 0) {
    location.replace("/#back");
    return;
  }
  say(countdown, left >= 60 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : `${left} s`);
  setTimeout(tick, 250);
}

say(byId("announcement", HTMLElement), `This page goes back by itself in ${Math.ceil(seconds)} seconds.`);
tick();
