// SPDX-License-Identifier: MIT
// One chart over time, drawn by Chart.js, with its values as a table for who cannot or does not want
// to see it. All charts of the page share the time that is pointed at, and a stretch that is marked
// with the mouse becomes the page's time range.

import { el, setText } from "./dom.js";
import { NOTHING, dateTime, timeTicks, valueTicks } from "./format.js";

const charts = new Set();
let pointed = null;
let theme = {};
const TABLE_ROWS = 60;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// To be called when the colours of the page changed.
export function readTheme() {
  theme = {
    text: colour("--muted"), grid: colour("--grid"), line: colour("--line"), accent: colour("--accent"),
    surface: colour("--surface"), ink: colour("--ink"),
  };
  for (const chart of charts) {
    chart.colours();
  }
}

function pointAt(time, except) {
  pointed = time;
  for (const chart of charts) {
    if (chart !== except) {
      chart.chart.draw();
    }
  }
}

// The line at the time that is pointed at, here or in another chart; and the stretch being marked.
const overlay = {
  id: "overlay",
  afterDatasetsDraw(chart) {
    const { ctx: context, chartArea: area, scales } = chart;
    context.save();
    if (pointed !== null && pointed >= scales.x.min && pointed <= scales.x.max) {
      const x = Math.round(scales.x.getPixelForValue(pointed)) + 0.5;
      context.strokeStyle = theme.text;
      context.setLineDash([3, 3]);
      context.beginPath();
      context.moveTo(x, area.top);
      context.lineTo(x, area.bottom);
      context.stroke();
    }
    const mark = chart.$mark;
    if (mark) {
      context.globalAlpha = 0.2;
      context.fillStyle = theme.accent;
      context.fillRect(Math.min(mark.from, mark.to), area.top, Math.abs(mark.to - mark.from), area.bottom - area.top);
    }
    context.restore();
  },
};

export class TimeChart {
  // options: {title, lines: [{label, colour, fill, dashed}], format(value), max, onRange(since, until), height}
  constructor(options) {
    this.options = options;
    this.lines = options.lines;
    this.canvas = el("canvas", { role: "img", "aria-label": options.title });
    this.table = el("div", { class: "charttable", tabindex: "0", role: "region", "aria-label": `${options.title}, as a table` });
    this.table.hidden = true;
    this.box = el("div", { class: "chartbox" }, this.canvas);
    this.button = el("button", { type: "button", class: "quiet tablebutton", "aria-pressed": "false", title: `${options.title}: as a table` },
      el("span", { class: "hidden" }, `${options.title}: `), "table");
    this.button.addEventListener("click", () => this.toggleTable());
    this.element = el("div", { class: "chart" }, this.box, this.table);
    this.data = this.lines.map(() => []);
    this.valueTicks = valueTicks(options.max ?? 0, 3, options.base);
    this.chart = new globalThis.Chart(this.canvas, this.configuration());
    charts.add(this);
    this.listen();
    this.colours();
  }

  configuration() {
    const { format } = this.options;
    return {
      type: "line",
      data: { datasets: this.lines.map((line) => ({ label: line.label, data: [], ...this.lineStyle(line) })) },
      plugins: [overlay],
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        parsing: false,
        normalized: true,
        spanGaps: false,
        interaction: { mode: "index", intersect: false },
        events: ["mousemove", "mouseout", "touchstart", "touchmove"],
        onHover: (event) => {
          const x = event.type === "mouseout" ? null : this.chart.scales.x.getValueForPixel(event.x);
          pointAt(x, this);
        },
        layout: { padding: { top: 4, right: 2 } },
        scales: {
          x: {
            type: "linear",
            afterBuildTicks: (axis) => {
              this.ticks = timeTicks(axis.min, axis.max, Math.max(2, axis.width / 70));
              axis.ticks = this.ticks.map((tick) => ({ value: tick.at }));
            },
            ticks: { autoSkip: false, maxRotation: 0, callback: (value, i) => this.ticks[i]?.text ?? "" },
            grid: { drawTicks: false },
          },
          y: {
            min: 0,
            afterBuildTicks: (axis) => {
              axis.ticks = this.valueTicks.map((value) => ({ value }));
            },
            ticks: { autoSkip: false, padding: 6, callback: (value) => format(value) },
            grid: { drawTicks: false },
          },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            animation: false,
            displayColors: this.lines.length > 1,
            callbacks: {
              title: (items) => (items.length > 0 ? dateTime(items[0].parsed.x) : ""),
              label: (item) => `${item.dataset.label}: ${format(item.parsed.y)}`,
            },
          },
        },
      },
    };
  }

  lineStyle(line) {
    return { borderWidth: line.dashed ? 1 : 1.5, borderDash: line.dashed ? [4, 3] : [], pointRadius: 0, pointHitRadius: 6,
      pointHoverRadius: 3, fill: line.fill ? "origin" : false, tension: 0, stepped: false };
  }

  colours() {
    const { chart } = this;
    this.lines.forEach((line, i) => {
      const value = colour(line.colour);
      chart.data.datasets[i].borderColor = value;
      chart.data.datasets[i].pointBackgroundColor = value;
      chart.data.datasets[i].backgroundColor = `${value}26` /* #rrggbb and how opaque */;
    });
    const font = { family: getComputedStyle(document.body).fontFamily, size: 11 };
    for (const axis of [chart.options.scales.x, chart.options.scales.y]) {
      axis.ticks.color = theme.text;
      axis.ticks.font = font;
      axis.grid.color = theme.grid;
      axis.grid.borderColor = theme.line;
    }
    Object.assign(chart.options.plugins.tooltip, { backgroundColor: theme.ink, titleColor: theme.surface, bodyColor: theme.surface,
      titleFont: font, bodyFont: font, padding: 8, cornerRadius: 4 });
    chart.update("none");
  }

  // Marking a stretch with the mouse. Fingers scroll; the keyboard has the fields of the time range.
  listen() {
    const at = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && event.button === 0 && this.options.onRange) {
        this.chart.$mark = { from: at(event), to: at(event) };
        this.canvas.setPointerCapture(event.pointerId);
      }
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (this.chart.$mark) {
        this.chart.$mark.to = at(event);
        this.chart.draw();
      }
    });
    this.canvas.addEventListener("pointerup", () => this.endMark());
    this.canvas.addEventListener("pointercancel", () => {
      this.chart.$mark = null;
    });
  }

  endMark() {
    const mark = this.chart.$mark;
    this.chart.$mark = null;
    if (!mark || Math.abs(mark.to - mark.from) < 8) {
      this.chart.draw();
      return;
    }
    const times = [mark.from, mark.to].map((x) => this.chart.scales.x.getValueForPixel(x)).sort((a, b) => a - b);
    this.options.onRange(times[0], times[1]);
  }

  // points: one list of {x, y} per line
  show(points, window) {
    this.data = points;
    points.forEach((list, i) => {
      this.chart.data.datasets[i].data = list;
    });
    this.chart.options.scales.x.min = window.since;
    this.chart.options.scales.x.max = window.until;
    this.scale();
    if (this.table.hidden) {
      this.chart.update("none");
    } else {
      this.fillTable();
    }
    this.describe();
  }

  // The axis of values ends at a round one.
  scale() {
    const values = this.data.flat().map((point) => point.y).filter((value) => value !== null);
    this.valueTicks = valueTicks(Math.max(this.options.max ?? 0, ...values), 3, this.options.base);
    this.chart.options.scales.y.max = this.valueTicks.at(-1);
  }

  describe() {
    const { title, format } = this.options;
    const parts = this.lines.map((line, i) => {
      const values = this.data[i].map((point) => point.y).filter((value) => value !== null);
      return values.length === 0 ? `${line.label}: no data`
        : `${line.label}: now ${format(values.at(-1))}, lowest ${format(Math.min(...values))}, highest ${format(Math.max(...values))}`;
    });
    this.canvas.setAttribute("aria-label", `${title}. ${parts.join(". ")}`);
  }

  toggleTable() {
    this.table.hidden = !this.table.hidden;
    this.box.hidden = !this.table.hidden;
    this.button.setAttribute("aria-pressed", String(!this.table.hidden));
    setText(this.button.lastChild, this.table.hidden ? "table" : "chart");
    if (this.table.hidden) {
      this.chart.update("none");
    } else {
      this.fillTable();
    }
  }

  // The newest first, thinned to a length that can be read.
  fillTable() {
    const { format, title } = this.options;
    const [first] = this.data;
    const every = Math.max(1, Math.ceil(first.length / TABLE_ROWS));
    const body = el("tbody");
    for (let i = first.length - 1; i >= 0; i -= every) {
      body.append(el("tr", {}, el("th", { scope: "row" }, dateTime(first[i].x)),
        ...this.data.map((list) => el("td", {}, list[i] && list[i].y !== null ? format(list[i].y) : NOTHING))));
    }
    this.table.replaceChildren(el("table", {}, el("caption", { class: "hidden" }, title),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Time"), ...this.lines.map((line) => el("th", { scope: "col" }, line.label)))), body));
  }

  destroy() {
    charts.delete(this);
    this.chart.destroy();
  }
}
