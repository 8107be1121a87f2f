// SPDX-License-Identifier: MIT
// One service of the board: its name, its strip, its numbers.

import { getSeries } from "./api.js";
import { Bins, shares } from "./bins.js";
import { el, hiddenText, setText } from "./dom.js";
import * as format from "./format.js";
import { glyph, knownState, stateOf } from "./states.js";
import { drawStrip, stretchAt } from "./strip.js";
import { hideTip, showTip } from "./tip.js";
import { spanOf, stepOf } from "./view.js";

const FIGURES = [
  ["beats", "heartbeats per minute", "beats/min", (service) => format.number(service.beats_per_minute)],
  ["latency", "probe latency", "latency", (service) => format.latency(service.latency_usec)],
  ["restarts", "restarts", "restarts", (service) => format.number(service.restarts)],
  ["memory", "memory", "memory", (service) => format.bytes(service.memory_bytes)],
];

let numbers = 0;

export class Row {
  // on: {open(row, stretch), step(row, direction), say(text)}
  constructor(service, on) {
    this.service = service;
    this.on = on;
    this.bins = null;
    this.loading = false;
    this.visible = false;
    this.detail = null;
    this.cursor = -1;
    this.stretches = [];
    this.build();
    this.listen();
  }

  build() {
    const id = `row-${++numbers}`;
    this.mark = el("span", { class: "mark" });
    this.name = el("span", { class: "name", id: `${id}-name` }, this.service.name);
    this.at = el("span", { class: "at" }, this.service.host);
    this.state = el("span", { class: "statename" });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.description = hiddenText("");
    this.description.id = `${id}-what`;
    this.strip = el("button", { type: "button", class: "strip", "aria-expanded": "false", "aria-labelledby": `${id}-name ${id}-what` }, this.canvas);
    this.figures = FIGURES.map(([name, long, short]) => {
      const value = el("dd", {});
      return { name, value, element: el("div", { class: `figure ${name}` }, el("dt", {}, el("span", { "aria-hidden": "true" }, short), hiddenText(long)), value) };
    });
    this.main = el("div", { class: "rowmain" },
      el("div", { class: "ident" }, this.mark, el("span", { class: "names" }, this.name, this.at), this.state),
      this.strip, this.description, el("dl", { class: "figures" }, ...this.figures.map((figure) => figure.element)));
    this.element = el("li", { class: "row" }, this.main);
  }

  listen() {
    this.strip.addEventListener("click", (event) => {
      // A click of the keyboard has no place.
      const pointed = event.detail > 0 ? this.at_(event) : this.stretches[this.cursor];
      event.stopPropagation();
      this.on.open(this, pointed ?? null);
    });
    this.main.addEventListener("click", () => {
      if (getSelection().isCollapsed) {
        this.on.open(this, null);
      }
    });
    this.strip.addEventListener("mousemove", (event) => this.tip(this.at_(event), event.clientX));
    this.strip.addEventListener("mouseleave", hideTip);
    this.strip.addEventListener("blur", () => {
      this.cursor = -1;
      hideTip();
    });
    this.strip.addEventListener("keydown", (event) => this.key(event));
  }

  at_(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.window ? stretchAt(this.stretches, this.window, (event.clientX - box.left) / box.width) : null;
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const row = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (row) {
      event.preventDefault();
      this.on.step(this, row);
    } else if (step && this.stretches.length > 0) {
      event.preventDefault();
      const from = this.cursor < 0 ? (step > 0 ? -1 : this.stretches.length) : this.cursor;
      this.cursor = Math.min(this.stretches.length - 1, Math.max(0, from + step));
      const stretch = this.stretches[this.cursor];
      const box = this.canvas.getBoundingClientRect();
      const place = ((stretch.from + stretch.to) / 2 - this.window.since) / (this.window.until - this.window.since);
      this.tip(stretch, box.left + box.width * Math.min(1, Math.max(0, place)));
      this.on.say(this.words(stretch));
    } else if (event.key === "Escape") {
      hideTip();
    }
  }

  words(stretch) {
    return `${stretch.state}, ${format.dateTime(stretch.from)} to ${format.clock(stretch.to)}, ${format.span(stretch.to - stretch.from)}`;
  }

  tip(stretch, x) {
    if (stretch) {
      showTip(this.strip, x, stretch.state, [`${format.dateTime(stretch.from)} – ${format.clock(stretch.to)}`, format.span(stretch.to - stretch.from)]);
    } else {
      hideTip();
    }
  }

  forget() {
    this.bins = null;
    this.loading = false;
  }

  async load(window, signal) {
    if (this.bins || this.loading) {
      return;
    }
    this.loading = true;
    this.element.classList.add("loading");
    try {
      const { step, rows, newest } = await getSeries({ of: "service", host: this.service.host, name: this.service.name }, spanOf(window), signal);
      this.bins = new Bins(step, rows, newest);
      this.failed = null;
    } catch (error) {
      if (error.name === "AbortError") {
        return;
      }
      this.bins = new Bins(stepOf(window), []);
      this.failed = error.message;
    } finally {
      this.loading = false;
      this.element.classList.remove("loading");
    }
    this.draw(window);
  }

  add(service) {
    const { restarts, beats, latency_usec, cpu_percent, memory_bytes, state } = service;
    this.bins?.add(service.at, { state, restarts, beats, latency_usec, latency_usec_max: latency_usec, cpu_percent, memory_bytes });
  }

  // The words and numbers; cheap enough for each row on each change.
  update(service, stale, showHost, now) {
    const shown = stale ? "unknown" : knownState(service.state);
    const word = stale ? `no data for ${format.span(now - service.at)}` : service.state || "no data";
    this.service = service;
    if (this.shown !== shown) {
      this.shown = shown;
      this.element.dataset.state = shown;
      this.state.dataset.state = shown;
      this.mark.replaceChildren(glyph(shown === "unknown" ? "" : service.state));
    }
    setText(this.state, word);
    this.state.title = stale ? `was ${service.state}` : stateOf(service.state).text;
    this.at.hidden = !showHost;
    this.name.title = service.name;
    FIGURES.forEach(([, , , value], i) => setText(this.figures[i].value, value(service)));
  }

  draw(window) {
    this.window = window;
    if (!this.bins) {
      return;
    }
    this.bins.dropBefore(window.since);
    this.stretches = this.bins.stretches(window.until).filter((stretch) => typeof stretch.state === "string");
    if (this.visible) {
      drawStrip(this.canvas, this.stretches, window);
    }
    const told = this.failed ? `the strip cannot be read: ${this.failed}` : shares(this.stretches).map(([state, share]) => `${state} ${format.percent(share * 100)}`).join(", ");
    setText(this.description, `${this.service.state}. ${told || "no samples in this time"}. Opens its events`);
  }

  summary() {
    const healthy = shares(this.stretches);
    return healthy.length === 0 ? "No samples in this time."
      : `In this time: ${healthy.map(([state, share]) => `${state} ${format.percent(share * 100)}`).join(", ")}.`;
  }
}
