// SPDX-License-Identifier: MIT
// What opens below a strip: the events of the service with their reasons, its charts, its values.

import { getEvents } from "./api.js";
import { perMinute } from "./bins.js";
import { el, setText } from "./dom.js";
import { EventList } from "./eventlist.js";
import * as format from "./format.js";
import { TimeChart } from "./timechart.js";

const PAGE = 100;
// An event comes before the first sample that shows its state: by a sample's interval and some.
const LEEWAY = 15 * format.SECOND;

const CHARTS = [
  { title: "Heartbeats per minute", format: format.number, max: 5, lines: [{ label: "heartbeats", colour: "--green", fill: true, value: perMinute("beats") }] },
  { title: "Probe latency", format: format.latency, max: 1000, lines: [{ label: "mean", colour: "--blue", fill: true, value: "latency_usec" },
    { label: "highest", colour: "--blue-soft", dashed: true, value: "latency_usec_max" }] },
  { title: "CPU of the service", format: format.percent, max: 5, lines: [{ label: "CPU", colour: "--orange", fill: true, value: "cpu_percent" }] },
  { title: "Memory of the service", format: format.bytes, base: 1024, max: 1024, lines: [{ label: "memory", colour: "--violet", fill: true, value: "memory_bytes" }] },
];

export class Detail {
  constructor(service, { onRange, onClose, onOnly }) {
    this.host = service.host;
    this.name = service.name;
    this.charts = CHARTS.map((description) => ({ description, chart: new TimeChart({ ...description, title: description.title, onRange }) }));
    this.events = [];
    this.more = false;
    this.marked = null;
    this.list = el("ol", { class: "eventlist" });
    this.eventList = new EventList(this.list, {});
    this.empty = el("p", { class: "empty" }, "loading");
    this.older = el("button", { type: "button", class: "more" }, "Older events");
    this.older.addEventListener("click", () => this.loadOlder());
    this.summary = el("p", { class: "summary" });
    this.facts = el("p", { class: "facts" });
    const close = el("button", { type: "button", class: "quiet" }, "Close");
    const only = el("button", { type: "button", class: "quiet" }, "Only this service");
    close.addEventListener("click", onClose);
    only.addEventListener("click", onOnly);
    this.element = el("section", { class: "detail", role: "region", "aria-label": `${service.name} on ${service.host}`, tabindex: "-1" },
      el("header", {}, el("h3", {}, service.name, el("span", { class: "at" }, service.host)), only, close),
      this.summary, this.facts,
      el("div", { class: "detailgrid" },
        el("div", { class: "detailevents" }, el("h4", {}, "Events and their reasons"), this.list, this.empty, this.older),
        el("div", { class: "detailcharts" }, ...this.charts.map(({ description, chart }) =>
          el("article", { class: "panel", "aria-label": description.title }, el("header", {}, el("h4", {}, description.title), chart.button), chart.element)))));
    this.older.hidden = true;
  }

  parameters(window) {
    return { host: this.host, service: this.name, since: new Date(window.since).toISOString(), until: new Date(window.until).toISOString(), limit: PAGE };
  }

  async load(window, signal) {
    this.window = window;
    try {
      const { events, more } = await getEvents(this.parameters(window), signal);
      this.events = [];
      this.add(events);
      this.more = more;
    } catch (error) {
      if (error.name !== "AbortError") {
        setText(this.empty, `The events cannot be read: ${error.message}`);
        this.failed = true;
      }
      return;
    }
    this.failed = false;
    this.showEvents();
  }

  async loadOlder() {
    this.older.disabled = true;
    try {
      const { events, more } = await getEvents({ ...this.parameters(this.window), before: this.events.at(-1)?.id });
      this.add(events);
      this.more = more;
    } catch {
      // The button is there for one more try.
    }
    this.older.disabled = false;
    this.showEvents();
  }

  add(events) {
    const known = new Set(this.events.map((event) => event.id));
    for (const event of events.filter((one) => !known.has(one.id))) {
      event.at ??= format.parseTime(event.time);
      this.events.push(event);
    }
    this.events.sort((a, b) => b.at - a.at || b.id - a.id);
  }

  addLive(event) {
    if (event.host === this.host && event.service === this.name) {
      this.add([event]);
      this.showEvents();
    }
  }

  showEvents() {
    this.eventList.show(this.events, Date.now(), false);
    this.empty.hidden = this.events.length > 0;
    if (!this.failed) {
      setText(this.empty, "No events in this time.");
    }
    this.older.hidden = !this.more;
    this.showMark();
  }

  // What was clicked on in the strip.
  mark(stretch) {
    this.marked = stretch;
    this.showMark();
    const first = this.list.querySelector(".marked");
    if (first) {
      this.list.scrollTop = first.offsetTop - this.list.offsetTop;
    }
  }

  showMark() {
    for (const event of this.events) {
      const { marked } = this;
      this.eventList.items.get(event.id)?.classList.toggle("marked", marked !== null && event.at >= marked.from - LEEWAY && event.at < marked.to);
    }
  }

  draw(service, bins, window, stateText) {
    for (const { description, chart } of this.charts) {
      chart.show(description.lines.map((line) => bins.points(line.value)), window);
    }
    setText(this.summary, stateText);
    const ready = service.ready === true ? "ready" : service.ready === false ? "not ready" : null;
    const facts = [ready, Number.isFinite(service.restarts) ? `${format.number(service.restarts)} ${service.restarts === 1 ? "restart" : "restarts"}` : null,
      Number.isFinite(service.beats) ? `${format.number(service.beats)} heartbeats` : null,
      Number.isFinite(service.cpu_percent) ? `CPU ${format.percent(service.cpu_percent)}` : null,
      service.reason ? `last said: ${service.reason}` : null];
    setText(this.facts, facts.filter((fact) => fact !== null).join(" · "));
  }

  destroy() {
    this.charts.forEach(({ chart }) => chart.destroy());
    this.element.remove();
  }
}
