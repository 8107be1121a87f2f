// SPDX-License-Identifier: MIT
// The stream of what comes in, kept open. The browser's own reconnecting gives up on the first 503
// and comes back in step with all other readers, so it is done here: with jitter, slower each
// time. After each new connection the caller fetches anew what it may have missed.

import { getHealth } from "./api.js";

const FIRST_DELAY = 500;
const LAST_DELAY = 20000;
// Samples come every 10 s; after three that did not come the line itself is looked at.
const SILENCE = 35000;
const HIDDEN = 120000;

export class Stream {
  // on: {sample(data), event(data), lost(), open(), state(word, since), unwell(text or null)}
  constructor(path, on) {
    this.path = path;
    this.on = on;
    this.source = null;
    this.delay = FIRST_DELAY;
    this.timer = 0;
    this.downSince = 0;
    this.heard = 0;
    document.addEventListener("visibilitychange", () => this.visibility());
    addEventListener("online", () => this.retry());
    // A page kept for the way back must not keep its line: there are few of them per host.
    addEventListener("pagehide", () => this.rest());
    addEventListener("pageshow", (event) => event.persisted && this.retry());
    setInterval(() => this.listen(), 5000);
  }

  start() {
    clearTimeout(this.timer);
    this.source?.close();
    const source = new EventSource(this.path);
    this.source = source;
    source.addEventListener("open", () => this.isOpen(source));
    source.addEventListener("error", () => this.isDown(source));
    source.addEventListener("sample", (message) => this.hear(source, message, this.on.sample));
    source.addEventListener("event", (message) => this.hear(source, message, this.on.event));
    source.addEventListener("lost", () => source === this.source && this.on.lost());
  }

  isOpen(source) {
    if (source !== this.source) {
      return;
    }
    this.delay = FIRST_DELAY;
    this.downSince = 0;
    this.heard = Date.now();
    this.on.state("live", 0);
    this.on.open();
  }

  isDown(source) {
    if (source !== this.source) {
      return;
    }
    source.close();
    this.source = null;
    this.downSince ||= Date.now();
    this.on.state("down", this.downSince);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.start(), this.delay * (0.5 + Math.random()));
    this.delay = Math.min(this.delay * 2, LAST_DELAY);
  }

  hear(source, message, handler) {
    if (source !== this.source) {
      return;
    }
    this.heard = Date.now();
    let data = null;
    try {
      data = JSON.parse(message.data);
    } catch {
      return;
    }
    if (data !== null && typeof data === "object") {
      handler(data);
    }
  }

  // A line that is dead without an end says nothing; neither does one on which nobody posts.
  async listen() {
    if (this.source === null || this.downSince > 0 || Date.now() - this.heard < SILENCE) {
      return;
    }
    const source = this.source;
    this.heard = Date.now();
    try {
      await getHealth();
      this.on.unwell(null);
    } catch (error) {
      if (error.status) {
        this.on.unwell(error.message);
      } else {
        this.isDown(source);
      }
    }
  }

  retry() {
    if (this.source === null || this.downSince > 0) {
      this.delay = FIRST_DELAY;
      this.start();
    }
  }

  // There are 64 places for readers: a page that nobody looks at gives its own back.
  visibility() {
    clearTimeout(this.resting);
    if (document.hidden) {
      this.resting = setTimeout(() => this.rest(), HIDDEN);
    } else if (this.source === null) {
      this.retry();
    }
  }

  rest() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
  }
}
