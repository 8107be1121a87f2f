// SPDX-License-Identifier: MIT
// The host's memory and CPU and its four classes of containers, each with its number and its chart.

import { getSeries } from "./api.js";
import { Bins, rate } from "./bins.js";
import { byId, el, setText } from "./dom.js";
import * as format from "./format.js";
import { TimeChart } from "./timechart.js";
import { spanOf } from "./view.js";

const CPU = { id: "cpu", title: "CPU", wide: true, max: 50, format: format.percent,
  lines: [{ label: "mean", colour: "--blue", fill: true, value: "cpu_percent" },
    { label: "highest", colour: "--blue-soft", dashed: true, value: "cpu_percent_max" }],
  number: (host) => format.percent(host.cpu_percent), note: () => "of all CPUs" };

const MEMORY = { id: "memory", title: "Memory", wide: true, max: 0, format: format.megabytes, base: 1024,
  lines: [{ label: "used", colour: "--violet", fill: true, value: "memory_used_mb" },
    { label: "total", colour: "--violet-soft", dashed: true, value: "memory_total_mb" }],
  number: (host) => format.megabytes(host.memory_used_mb), note: (host) => `of ${format.megabytes(host.memory_total_mb)}` };

// Of a class its number is of the last two rows, since rates need both.
const CLASSES = [
  { id: "class-cpu", class: "cpu", title: "CPU containers", format: format.percent, max: 10,
    lines: [{ label: "CPU", colour: "--blue", fill: true, value: "cpu_percent" }], note: "of one CPU" },
  { id: "class-ram", class: "ram", title: "RAM containers", format: format.percent, max: 5,
    lines: [{ label: "memory", colour: "--violet", fill: true, value: "memory_percent" }], note: "of the memory" },
  { id: "class-io", class: "io", title: "I/O containers", format: format.perSecond, max: 10,
    lines: [{ label: "written", colour: "--orange", fill: true, value: rate("io_write_ops") },
      { label: "read", colour: "--teal", value: rate("io_read_ops") }], note: "writes" },
  { id: "class-disk", class: "disk", title: "Disk containers", format: format.kilobytesPerSecond, base: 1024, max: 100,
    lines: [{ label: "written", colour: "--orange", fill: true, value: rate("disk_write_kb") },
      { label: "read", colour: "--teal", value: rate("disk_read_kb") }], note: "written" },
];

class Panel {
  constructor(description, onRange) {
    this.description = description;
    this.bins = new Bins(1000, []);
    this.chart = new TimeChart({ title: description.title, lines: description.lines, format: description.format, base: description.base, max: description.max, onRange });
    this.number = el("span", { class: "number" }, format.NOTHING);
    this.note = el("span", { class: "note" });
    this.count = el("span", { class: "count" });
    this.empty = el("p", { class: "empty" }, "no samples in this time");
    this.element = el("article", { class: description.wide ? "panel wide" : "panel", id: `panel-${description.id}`, "aria-label": description.title },
      el("header", {}, el("h3", {}, description.title, " ", this.count), this.chart.button),
      el("p", { class: "value" }, this.number, " ", this.note),
      this.chart.element, this.empty);
    this.empty.hidden = true;
  }

  // All lines on the times of all rows, so that one place is one time in each.
  show(window) {
    const points = this.description.lines.map((line) => this.bins.points(line.value));
    this.chart.show(points, window);
    this.empty.hidden = this.bins.rows.length > 0;
    this.element.classList.toggle("isempty", this.bins.rows.length === 0);
    return points;
  }

  newest(points) {
    return points[0]?.findLast((point) => point.y !== null)?.y;
  }
}

export class Panels {
  constructor(onRange) {
    this.host = new Map([CPU, MEMORY].map((description) => [description.id, new Panel(description, onRange)]));
    this.classes = new Map(CLASSES.map((description) => [description.class, new Panel(description, onRange)]));
    byId("panels").append(...this.all().map((panel) => panel.element));
    this.name = "";
  }

  all() {
    return [...this.host.values(), ...this.classes.values()];
  }

  async load(name, window, signal) {
    const span = spanOf(window);
    const [system, classes] = await Promise.all([
      getSeries({ of: "system", host: name }, span, signal), getSeries({ of: "class", host: name }, span, signal)]);
    this.name = name;
    for (const panel of this.host.values()) {
      panel.bins = new Bins(system.step, system.rows.map((row) => ({ ...row })), system.newest);
    }
    for (const [word, panel] of this.classes) {
      panel.bins = new Bins(classes.step, classes.rows.filter((row) => row.class === word), classes.newest);
    }
  }

  clear() {
    this.name = "";
    this.all().forEach((panel) => {
      panel.bins = new Bins(1000, []);
    });
  }

  add(sample, time) {
    if (sample.host !== this.name) {
      return;
    }
    const { cpu_percent, memory_used_mb, memory_free_mb, memory_total_mb } = sample;
    if (typeof cpu_percent === "number" || typeof memory_used_mb === "number") {
      this.host.forEach((panel) => panel.bins.add(time, { cpu_percent, memory_used_mb, memory_free_mb, memory_total_mb }));
    }
    for (const row of Array.isArray(sample.classes) ? sample.classes : []) {
      this.classes.get(row?.class)?.bins.add(time, row);
    }
  }

  draw(window, host) {
    for (const panel of this.all()) {
      panel.bins.dropBefore(window.since);
    }
    for (const panel of this.host.values()) {
      panel.show(window);
      setText(panel.number, host ? panel.description.number(host) : format.NOTHING);
      setText(panel.note, host ? panel.description.note(host) : "");
    }
    for (const panel of this.classes.values()) {
      const points = panel.show(window);
      const count = panel.bins.rows.at(-1)?.containers;
      setText(panel.count, Number.isFinite(count) ? String(count) : "");
      panel.count.title = `${count} ${count === 1 ? "container" : "containers"}`;
      setText(panel.number, panel.description.format(panel.newest(points)));
      setText(panel.note, panel.description.note);
    }
  }
}
