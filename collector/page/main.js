// SPDX-License-Identifier: MIT
// The page as a whole: fetches what the view asks for, keeps it fresh from the stream, draws it.

import { getEvents, getHosts, getServices } from "./api.js";
import { Board } from "./board.js";
import { byId, el, setText } from "./dom.js";
import { EventList } from "./eventlist.js";
import { Filters } from "./filters.js";
import * as format from "./format.js";
import { Hosts } from "./hosts.js";
import { Model } from "./model.js";
import { Panels } from "./panels.js";
import { glyph, isBad, severity } from "./states.js";
import { Stream } from "./stream.js";
import { readPalette } from "./strip.js";
import { readTheme } from "./timechart.js";
import { readView, stepOf, windowOf, writeView } from "./view.js";

const EVENTS_PAGE = 100;
const DRAW_EVERY = 250;
const SAY_EVERY = 4000;
const LOAD_AGAIN = 5000;
const OPEN_WAIT = 1500;

class Page {
  constructor() {
    this.model = new Model();
    this.view = readView(location.hash);
    this.loaded = false;
    this.controller = new AbortController();
    this.eventsLimit = EVENTS_PAGE;
    this.arrived = null;
    this.problems = new Map();
    readTheme();
    this.filters = new Filters((change) => this.change(change), () => this.recolour());
    this.panels = new Panels((since, until) => this.change({ fixed: { since, until } }));
    this.hosts = new Hosts(this.model, (host) => this.change({ host }));
    this.board = new Board(this.model, {
      range: (since, until) => this.change({ fixed: { since, until } }),
      open: (service) => this.change({ open: service && { host: service.host, name: service.name } }),
      only: (service) => this.change({ service: service.name, host: service.host }),
      sort: (sort) => this.change({ sort }),
      say: (text) => this.say(text),
    });
    this.eventList = new EventList(byId("events"), { onOpen: (host, name) => this.openFromEvent(host, name) });
    byId("events-more").addEventListener("click", () => this.olderEvents());
    byId("banner-retry").addEventListener("click", () => this.retry());
    addEventListener("popstate", () => this.setView(readView(location.hash)));
    // The place behind the # is taken by the view.
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      byId("services").focus();
    });
    this.begin();
  }

  begin() {
    this.stream = new Stream("/api/v1/stream", {
      open: () => this.load(),
      sample: (sample) => this.addSample(sample),
      event: (event) => this.addEvent(event),
      lost: () => this.load(),
      state: (state, since) => this.showConnection(state, since),
      unwell: (text) => this.setProblem("health", text && `The collector is not well: ${text}`),
    });
    this.filters.show(this.view, this.model);
    // What there is is fetched once the line is open, so that nothing falls between the two; but a
    // collector that has no place for one more reader still has data.
    this.stream.start();
    this.loadAgain = setTimeout(() => this.load(), OPEN_WAIT);
    setInterval(() => this.redraw(), 1000);
  }

  // A change by the reader: into the address, then onto the page.
  change(change) {
    const view = { ...this.view, ...change };
    const address = location.pathname + writeView(view);
    // Typing makes one step back, not one per letter.
    if ("service" in change && Object.keys(change).length === 1 && this.view.service !== "") {
      history.replaceState(null, "", address);
    } else if (address !== location.pathname + location.hash) {
      history.pushState(null, "", address);
    }
    this.setView(view);
  }

  setView(view) {
    const before = this.view;
    const spanChanged = view.range !== before.range || JSON.stringify(view.fixed) !== JSON.stringify(before.fixed);
    this.view = view;
    this.filters.show(view, this.model);
    if (spanChanged || view.host !== before.host) {
      this.load();
    } else {
      this.draw();
    }
  }

  window() {
    return windowOf(this.view, this.model.now());
  }

  async load() {
    clearTimeout(this.loadAgain);
    this.controller.abort();
    this.controller = new AbortController();
    const { signal } = this.controller;
    const arrived = [];
    this.arrived = arrived;
    byId("main").setAttribute("aria-busy", "true");
    try {
      const [hosts, services] = await Promise.all([getHosts(signal), getServices(signal)]);
      this.model.setNow(hosts.now);
      this.model.setHosts(hosts.hosts);
      this.model.setServices(services.services);
      const window = this.window();
      this.board.reset(signal);
      const { events, more } = await getEvents(this.eventParameters(window), signal);
      this.model.clearEvents();
      // Services are as the newest sample had them; events may have come since.
      this.model.addEvents([...events, ...arrived]).sort((a, b) => a.at - b.at).forEach((event) => this.model.applyEvent(event));
      this.model.moreEvents = more;
      this.loaded = true;
      this.arrived = null;
      this.setProblem("data", null);
      this.draw();
      this.board.reload();
      await this.loadPanels(window, signal);
    } catch (error) {
      if (!signal.aborted) {
        this.setProblem("data", error.status ? `The collector cannot answer: ${error.message}` : "The collector does not answer.");
        this.loadAgain = setTimeout(() => this.load(), LOAD_AGAIN);
      }
    } finally {
      if (!signal.aborted) {
        byId("main").setAttribute("aria-busy", "false");
      }
    }
    this.draw();
  }

  async loadPanels(window, signal) {
    const host = this.model.mainHost(this.view.host);
    if (host === "" || !this.model.hosts.has(host)) {
      this.panels.clear();
    } else {
      await this.panels.load(host, window, signal);
    }
  }

  eventParameters(window) {
    return { host: this.view.host, since: new Date(window.since).toISOString(), until: this.view.fixed ? new Date(window.until).toISOString() : "", limit: EVENTS_PAGE };
  }

  async olderEvents() {
    const button = byId("events-more");
    button.disabled = true;
    try {
      const before = this.model.events.at(-1)?.id;
      const { events, more } = await getEvents({ ...this.eventParameters(this.window()), before });
      this.model.addEvents(events);
      this.model.moreEvents = more;
      this.eventsLimit += EVENTS_PAGE;
    } catch (error) {
      this.say(`Older events cannot be read: ${error.message}`);
      setText(button, `Older events (not read: ${error.message})`);
    }
    button.disabled = false;
    this.draw();
  }

  addSample(sample) {
    const known = this.model.hosts.size;
    const at = format.parseTime(sample.time);
    if (typeof sample.host !== "string" || Number.isNaN(at)) {
      return;
    }
    const services = this.model.addSample(sample);
    if (!this.view.fixed) {
      this.panels.add(sample, at);
      this.board.add(services);
    }
    if (this.model.hosts.size !== known) {
      this.load();
    }
    this.drawSoon();
  }

  addEvent(event) {
    this.arrived?.push(event);
    const [fresh] = this.model.addEvents([event]);
    if (!fresh) {
      return;
    }
    const service = this.model.applyEvent(fresh);
    if (!this.view.fixed) {
      this.model.trimEvents();
      this.board.addEvent(fresh);
      if (service) {
        this.board.add([service]);
      }
    }
    if (isBad(fresh.state) && this.model.matchingEvents(this.view, this.window()).includes(fresh)) {
      this.say(`${fresh.service} on ${fresh.host} is ${fresh.state}`);
    }
    this.drawSoon();
  }

  openFromEvent(host, name) {
    this.change({ open: { host, name }, state: "" });
    this.board.reveal();
  }

  // One sentence at a time, so that a storm does not drown who listens to the page.
  say(text) {
    if (Date.now() - (this.said ?? 0) > SAY_EVERY || !text.includes(" is ")) {
      this.said = Date.now();
      setText(byId("announce"), text);
    }
  }

  drawSoon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, DRAW_EVERY);
  }

  // The time goes on, even when nothing comes in.
  redraw() {
    const step = stepOf(this.window());
    if (!document.hidden && this.loaded && !this.view.fixed && Date.now() - (this.drawn ?? 0) >= Math.min(step, 5000)) {
      this.draw();
    }
  }

  draw() {
    if (!this.loaded) {
      return;
    }
    this.drawn = Date.now();
    const { model, view } = this;
    const window = this.window();
    const isEmpty = model.hosts.size === 0;
    byId("welcome").hidden = !isEmpty;
    document.body.classList.toggle("nothing", isEmpty);
    if (isEmpty) {
      this.showWelcome();
    }
    this.filters.show(view, model);
    this.showChips();
    const main = model.mainHost(view.host);
    setText(byId("host-title"), main === "" ? "Host" : `Host ${main}`);
    this.hosts.show(view.host, main);
    this.panels.draw(window, model.hosts.get(main));
    this.board.show(view, window);
    this.showEvents(window);
    setText(byId("window"), view.fixed ? `${format.dateTime(window.since)} to ${format.dateTime(window.until)}` : `last ${format.span(window.until - window.since)}`);
    const bad = model.badCount({ host: "", service: "" });
    document.title = bad > 0 ? `(${bad}) Phoenix` : "Phoenix";
  }

  showWelcome() {
    const entry = { timestamp: `${new Date().toISOString().slice(0, 19)}Z`, sysinfo: { Memory: { CPU_Usage_Percentage: 5 } } };
    setText(byId("welcome-command"), `curl -H 'Content-Type: application/json' ${location.origin}/logs \\\n  -d '${JSON.stringify(entry)}'`);
  }

  showEvents(window) {
    const events = this.model.matchingEvents(this.view, window);
    this.eventList.show(events.slice(0, this.eventsLimit), this.model.now(), this.view.host === "" && this.model.hosts.size > 1);
    byId("events-empty").hidden = events.length > 0;
    setText(byId("events-empty"), this.view.service !== "" ? "No events of these services in this time." : "No events in this time.");
    byId("events-more").hidden = !this.model.moreEvents;
    setText(byId("events-count"), events.length > 0 ? `${events.length}${this.model.moreEvents ? "+" : ""}` : "");
  }

  // How many services are in which state; each is a filter, too.
  showChips() {
    const services = this.model.matching(this.view);
    const counts = new Map();
    for (const { state } of services) {
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    if (this.view.state !== "" && !counts.has(this.view.state)) {
      counts.set(this.view.state, 0);
    }
    const wanted = [["", services.length], ...[...counts].sort((a, b) => severity(a[0]) - severity(b[0])).slice(0, 16)];
    const text = JSON.stringify([wanted, this.view.state]);
    if (this.chips === text) {
      return;
    }
    this.chips = text;
    const focused = document.activeElement?.dataset?.chip;
    byId("chips").replaceChildren(...wanted.map(([state, count]) => this.chip(state, count)));
    if (focused !== undefined) {
      [...byId("chips").children].find((chip) => chip.dataset.chip === focused)?.focus();
    }
  }

  chip(state, count) {
    const pressed = this.view.state === state;
    const chip = el("button", { type: "button", class: "chip", "data-chip": state, "data-state": state, "aria-pressed": pressed ? "true" : "false" },
      state === "" ? null : glyph(state), el("b", {}, String(count)), " ", state === "" ? (count === 1 ? "service" : "services") : state);
    chip.addEventListener("click", () => this.change({ state: pressed ? "" : state }));
    return chip;
  }

  recolour() {
    readPalette();
    readTheme();
    this.draw();
  }

  retry() {
    this.stream.retry();
    this.load();
  }

  showConnection(state, since) {
    byId("connection").dataset.state = state;
    setText(byId("connection-text"), state === "live" ? "live" : "disconnected");
    document.body.classList.toggle("down", state === "down");
    this.setProblem("line", state === "live" ? null : `Not connected since ${format.clock(since)}. What you see is from then; it is tried again by itself.`);
  }

  // Kinds of problems come and go on their own; the banner says those that there are. While the
  // line is down, that no data comes is no news.
  setProblem(kind, text) {
    if (text) {
      this.problems.set(kind, text);
    } else {
      this.problems.delete(kind);
    }
    const told = this.problems.has("line") ? this.problems.get("line") : [...this.problems.values()].join(" ");
    byId("banner").hidden = told === "";
    setText(byId("banner-text"), told);
  }
}

new Page();
