/** Follows the revocations of an auth server. */

import { placeOf } from "../verify/key-set-cache.js";
import { createEventParser } from "./event-stream.js";
import { createRevoked } from "./revoked.js";

/** @typedef {import("../server.js").Revocation} Revocation */

/** A stream that is silent for longer is dead: the server sends a comment every five seconds. */
const SILENCE_MS = 15_000;
/** The pauses between attempts: the first, and the longest. Each is doubled, and takes between half and all of its time. */
const PAUSE_MS = 250;
const MAX_PAUSE_MS = 15_000;
/** The longest pause that a server's `Retry-After` can make. */
const MAX_RETRY_AFTER_SECONDS = 60;

/**
 * Opens the stream, and opens it again whenever it ends, from where it ended.
 *
 * @param {string} url
 * @param {string} secret
 */
export function followRevocations(url, secret) {
  const place = placeOf(url);
  const revoked = createRevoked();
  const stop = new AbortController();
  /** @type {Set<(revocation: Revocation) => void>} */
  const listeners = new Set();
  /** @type {string | undefined} */
  let lastId;
  /** @type {import("../server.js").FeedState} */
  let state = Object.freeze({ live: false, since: Date.now() });

  /** @param {boolean} live */
  const setLive = (live) => {
    if (state.live !== live) state = Object.freeze({ live, since: Date.now() });
  };

  /** @param {import("./event-stream.js").StreamEvent} event */
  const read = ({ type, data, id }) => {
    if (type === "revoked") {
      const revocation = revoked.add(JSON.parse(data));
      if (revocation) for (const listener of [...listeners]) tell(listener, revocation);
    } else if (type === "live") {
      setLive(JSON.parse(data)?.live === true);
    }
    // Only what was read is not asked for again.
    lastId = id;
  };

  /** Reads one stream to its end; returns for how many milliseconds the server wants to be left alone. */
  const readStream = async () => {
    const ended = new AbortController();
    const end = () => ended.abort();
    stop.signal.addEventListener("abort", end);
    const silence = watch(end);
    try {
      const response = await fetch(place, {
        headers: {
          accept: "text/event-stream",
          authorization: `Bearer ${secret}`,
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
        // Another place would learn the secret, and say what is revoked.
        redirect: "manual",
        signal: ended.signal,
      });
      const reader = readerOf(response);
      if (!reader) return retryAfter(response);
      const parser = createEventParser(read, lastId);
      const decoder = new TextDecoder("utf-8", { fatal: true });
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 0;
        silence.heard();
        parser.push(decoder.decode(value, { stream: true }));
      }
    } catch {
      // Whatever was wrong with the stream: it is lost, and the next one is asked for what is missing.
      return 0;
    } finally {
      silence.end();
      end();
      stop.signal.removeEventListener("abort", end);
    }
  };

  const run = async () => {
    let pause = PAUSE_MS;
    while (!stop.signal.aborted) {
      const least = await readStream();
      if (state.live) pause = PAUSE_MS;
      setLive(false);
      await sleep(Math.max(least, pause * (0.5 + Math.random() / 2)), stop.signal);
      pause = Math.min(pause * 2, MAX_PAUSE_MS);
    }
  };

  run();
  return {
    has: revoked.has,
    live: () => state,
    /** @param {(revocation: Revocation) => void} listener */
    onRevoked(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    close() {
      listeners.clear();
      stop.abort();
    },
  };
}

/**
 * Calls a listener. What it throws is reported as an uncaught exception, and neither the stream nor other listeners notice.
 *
 * @param {(revocation: Revocation) => void} listener
 * @param {Revocation} revocation
 */
function tell(listener, revocation) {
  try {
    listener(revocation);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Returns a reader of the stream; nothing for a response that is none. @param {Response} response */
function readerOf({ status, headers, body }) {
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  const isStream = status === 200 && type.trim().toLowerCase() === "text/event-stream";
  return isStream ? body?.getReader() : undefined;
}

/** Reads `Retry-After` in seconds (RFC 9110 §10.2.3), within bounds. @param {Response} response */
function retryAfter({ headers }) {
  const text = headers.get("retry-after") ?? "";
  return /^\d{1,9}$/.test(text) ? Math.min(Number(text), MAX_RETRY_AFTER_SECONDS) * 1_000 : 0;
}

/** Calls back when nothing was heard for too long. @param {() => void} silent */
function watch(silent) {
  let heardAt = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - heardAt >= SILENCE_MS) silent();
  }, 1_000);
  unref(timer);
  return {
    heard: () => {
      heardAt = performance.now();
    },
    end: () => clearInterval(timer),
  };
}

/** @param {number} ms @param {AbortSignal} signal */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(undefined);
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve(undefined);
    };
    const timer = setTimeout(wake, ms);
    unref(timer);
    signal.addEventListener("abort", wake);
  });
}

/** Lets a process end in spite of a timer, where timers can keep one. @param {unknown} timer */
function unref(timer) {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
    timer.unref();
}
