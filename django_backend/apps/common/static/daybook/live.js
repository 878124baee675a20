// The socket: one per page, one room. It resumes where the page's own queries ended, and never passes a `seq` twice.
import { clone, element } from "./dom.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const SILENCE = 20_000; // the server says something every 5 s; a silent socket is a dead one
const PAUSED_AFTER = 15_000;
const RELOAD_GUARD = "daybook-reloaded-at";

const body = document.body;
const light = document.querySelector("[data-live]");
const words = document.querySelector("[data-live-words]");

/** Something typed and not sent: what a reload would lose. */
export function hasUnsentText() {
  return [...document.querySelectorAll("textarea, input:not([type=hidden], [type=search], [type=checkbox], [type=radio])")]
    .some((field) => field.value !== field.defaultValue);
}

/** A notice on top of the page, with a button if `label` is given. */
export function notify(text, label = "", act = null) {
  const notice = clone("notice");
  notice.querySelector("p").textContent = text;
  const button = notice.querySelector("button");
  if (label) {
    button.textContent = label;
    button.hidden = false;
    button.addEventListener("click", act);
  }
  document.querySelector("[data-notices]").append(notice);
  return notice;
}

export class Live {
  /** `hears` holds what the page does: event(message), here(people), typing(user), gone(message); each optional. */
  constructor(hears) {
    this.hears = hears;
    this.room = body.dataset.room;
    this.resume = { seq: Number(body.dataset.seq), era: body.dataset.era, epoch: Number(body.dataset.epoch) };
    this.tries = 0;
    this.since = Date.now();
    this.ended = false;
    this.here = 0;
  }

  start() {
    this.show("reconnecting");
    this.connect();
    setInterval(() => this.watch(), 2000);
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    // A page in the back-forward cache keeps no socket; when it comes back it resumes.
    addEventListener("pagehide", () => this.socket?.close());
    addEventListener("pageshow", (event) => event.persisted && this.hurry());
    return this;
  }

  connect() {
    clearTimeout(this.timer);
    this.timer = 0;
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws/`);
    this.socket = socket;
    this.heard = Date.now();
    socket.addEventListener("open", () => this.send({ type: "subscribe", room: this.room, resume: this.resume }));
    socket.addEventListener("message", ({ data }) => socket === this.socket && this.hear(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.socket && this.lost(code));
  }

  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  hear(message) {
    this.heard = Date.now();
    if (message.room && message.room !== this.room) return;
    const act = {
      hello: () => Number(body.dataset.user) !== message.user && this.reload("Somebody else is signed in here now."),
      subscribed: () => this.subscribed(message),
      event: () => this.event(message),
      watermark: () => this.advance(message.seq),
      here: () => this.meet(message.people),
      typing: () => this.hears.typing?.(message.user),
      reset: () => this.reload("Much has changed meanwhile."),
      gone: () => this.gone(message),
    }[message.type];
    act?.();
  }

  /** In the order of seq, each once; after a cut the server begins behind the last one handled. */
  event(message) {
    if (message.seq <= this.resume.seq) return;
    this.resume.seq = message.seq;
    this.hears.event?.(message);
  }

  /** Another process may lag behind the one that told us last: a watermark never lowers our seq. */
  advance(seq) {
    this.resume.seq = Math.max(this.resume.seq, seq);
  }

  subscribed({ seq, era, epoch }) {
    this.tries = 0;
    this.advance(seq);
    this.resume.era = era ?? this.resume.era;
    this.resume.epoch = epoch ?? this.resume.epoch;
    this.show("live");
  }

  /** Who has the room open, the reader included. */
  meet(people) {
    this.here = people.length;
    this.show(light.dataset.state);
    this.hears.here?.(people);
  }

  gone(message) {
    if (this.hears.gone) this.hears.gone(message);
    else notify("Something here can’t be seen by you any more.", "Reload", () => location.reload());
  }

  /** Load the page's data anew: by itself only if nothing typed is lost, and not twice in a row. */
  reload(why) {
    const justNow = Date.now() - Number(sessionStorage.getItem(RELOAD_GUARD)) < 10_000;
    if (hasUnsentText() || justNow) {
      this.end();
      notify(`${why} What you see may be old.`, "Reload", () => location.reload());
      return;
    }
    sessionStorage.setItem(RELOAD_GUARD, String(Date.now()));
    location.reload();
  }

  lost(code) {
    if (code === 4401 || code === 4403) {
      this.end();
      notify("You are signed out. What you typed is still here; copy it before you leave.", "Sign in", () => location.reload());
      return;
    }
    if (this.ended || this.timer) return;
    if (light.dataset.state === "live") this.show("reconnecting");
    // Full jitter, so that a restarted server is not met by everyone at once.
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries++);
    this.timer = setTimeout(() => this.connect(), Math.random() * longest + 100);
  }

  /** Back online or back in sight: don't wait for the timer. */
  hurry() {
    const state = this.socket?.readyState;
    if (!this.ended && state !== WebSocket.OPEN && state !== WebSocket.CONNECTING) this.connect();
  }

  watch() {
    if (this.ended) return;
    if (this.socket?.readyState === WebSocket.OPEN && Date.now() - this.heard > SILENCE) {
      const dead = this.socket;
      this.socket = null;
      dead.close();
      this.lost(0);
    }
    if (light.dataset.state === "reconnecting" && Date.now() - this.since > PAUSED_AFTER) this.show("paused");
  }

  end() {
    this.ended = true;
    clearTimeout(this.timer);
    this.socket?.close();
    this.show("paused");
  }

  show(state) {
    if (state === "reconnecting" && light.dataset.state !== state) this.since = Date.now();
    light.hidden = false;
    light.dataset.state = state;
    const clock = new Date(this.since).toTimeString().slice(0, 5);
    words.textContent = { live: "Live", reconnecting: "Reconnecting", paused: `Not live since ${clock}` }[state];
    if (state === "live" && this.here > 1) words.append(element("span", `, ${this.here} here`, "hide-sm"));
  }
}
