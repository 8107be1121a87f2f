// SPDX-License-Identifier: MIT
// All services of the view, the worst first. Only rows on the screen fetch and draw their strips, so
// that a thousand services cost what fits on it.

import { byId, el, setText } from "./dom.js";
import { Detail } from "./detail.js";
import { timeTicks } from "./format.js";
import { Row } from "./row.js";
import { STATE_NAMES, severity, stateOf } from "./states.js";
import { drawSwatch } from "./strip.js";

const PAGE = 50;
const TICK_WIDTH = 48;

const SORTS = {
  "": ["worst first", (a, b) => severity(a.state) - severity(b.state)],
  name: ["name", () => 0],
  restarts: ["restarts", (a, b) => (b.restarts ?? -1) - (a.restarts ?? -1)],
  latency: ["latency", (a, b) => (b.latency_usec ?? -1) - (a.latency_usec ?? -1)],
  memory: ["memory", (a, b) => (b.memory_bytes ?? -1) - (a.memory_bytes ?? -1)],
};

function byName(a, b) {
  return a.name.localeCompare(b.name, undefined, { numeric: true }) || a.host.localeCompare(b.host);
}

export class Board {
  // on: {range(since, until), open(service or null), only(service), sort(word), say(text)}
  constructor(model, on) {
    this.model = model;
    this.on = on;
    this.rows = new Map();
    this.list = byId("rows");
    this.more = byId("rows-more");
    this.limit = PAGE;
    this.signal = null;
    this.watcher = new IntersectionObserver((entries) => this.seen(entries), { rootMargin: "200px" });
    this.resizer = new ResizeObserver(() => this.drawStrips());
    this.resizer.observe(this.list);
    this.more.addEventListener("click", () => {
      this.limit += PAGE * 2;
      this.show(this.view, this.window);
    });
    this.buildHead();
  }

  buildHead() {
    this.sort = el("select", { id: "sort" }, ...Object.entries(SORTS).map(([word, [text]]) => el("option", { value: word }, text)));
    this.sort.addEventListener("change", () => this.on.sort(this.sort.value));
    this.axis = el("div", { class: "axis" });
    byId("sorts").replaceWith(this.axis);
    byId("legend").before(el("label", { class: "field sort" }, "Sort ", this.sort));
    this.swatches = STATE_NAMES.toReversed().map((state) => {
      const canvas = el("canvas", { class: "swatch", "aria-hidden": "true" });
      byId("legend").append(el("li", { title: stateOf(state).text }, canvas, state));
      return { state, canvas };
    });
  }

  // Of a new view: what was fetched for another time is of no use.
  reset(signal) {
    this.signal = signal;
    for (const row of this.rows.values()) {
      row.forget();
    }
  }

  seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.rows.get(target.dataset.key);
      if (row) {
        row.visible = isIntersecting;
        this.want(row);
      }
    }
  }

  want(row) {
    if (row.visible && this.window && this.signal) {
      row.load(this.window, this.signal).then(() => this.drawDetail(row));
      row.draw(this.window);
    }
  }

  wanted() {
    const { view, model } = this;
    const [, order] = SORTS[view.sort] ?? SORTS[""];
    return model.matching(view)
      .filter((service) => view.state === "" || service.state === view.state)
      .sort((a, b) => order(a, b) || byName(a, b));
  }

  rowOf(service) {
    let row = this.rows.get(service.key);
    if (!row) {
      row = new Row(service, {
        open: (opened, stretch) => this.toggle(opened, stretch),
        step: (from, direction) => this.step(from, direction),
        say: this.on.say,
      });
      row.element.dataset.key = service.key;
      this.rows.set(service.key, row);
    }
    return row;
  }

  // Rows do not jump away under the mouse or the focus: they are put in order when both are gone.
  isHeld() {
    return (this.list.matches(":hover") || this.list.contains(document.activeElement)) && this.list.childElementCount > 0;
  }

  show(view, window) {
    const changed = this.view !== view;
    this.view = view;
    this.window = window;
    this.sort.value = view.sort in SORTS ? view.sort : "";
    const services = this.wanted();
    const shown = services.slice(0, this.limit);
    if (view.open) {
      const opened = services.find((service) => this.isOpen(service));
      if (opened && !shown.includes(opened)) {
        shown.push(opened);
      }
    }
    this.arrange(shown.map((service) => this.rowOf(service)), changed || !this.isHeld());
    const showHost = view.host === "" && this.model.hosts.size > 1;
    shown.forEach((service) => this.rowOf(service).update(service, !view.fixed && this.model.isStale(service), showHost, this.model.now()));
    setText(byId("services-count"), services.length > 0 ? String(services.length) : "");
    this.more.hidden = services.length <= shown.length;
    setText(this.more, `Show more of ${services.length} services`);
    this.showEmpty(services.length);
    this.showAxis();
    this.showOpen(shown);
    this.drawStrips();
  }

  showEmpty(count) {
    const { view, model } = this;
    const filtered = view.host !== "" || view.service !== "" || view.state !== "";
    byId("rows-empty").hidden = count > 0;
    setText(byId("rows-empty"), model.services.size === 0 ? "No service has been reported yet."
      : filtered ? "No service fits these filters." : "No services.");
  }

  arrange(rows, inOrder) {
    const wanted = new Set(rows);
    for (const [key, row] of this.rows) {
      if (!wanted.has(row)) {
        this.close(row);
        this.watcher.unobserve(row.element);
        row.element.remove();
        this.rows.delete(key);
      }
    }
    let at = this.list.firstElementChild;
    for (const row of rows) {
      if (!row.element.isConnected || (inOrder && row.element !== at)) {
        this.list.insertBefore(row.element, row.element.isConnected || inOrder ? at : null);
        this.watcher.observe(row.element);
      } else {
        at = row.element.nextElementSibling;
      }
    }
  }

  showAxis() {
    const { since, until } = this.window;
    const width = this.axis.clientWidth;
    const places = timeTicks(since, until, Math.max(2, width / 90)).map(({ at, text }) => ({ x: ((at - since) / (until - since)) * width, text }));
    this.axis.replaceChildren(...places.filter(({ x }) => x < width - TICK_WIDTH).map(({ x, text }) => {
      const tick = el("span", {}, text);
      tick.style.left = `${x}px`;
      return tick;
    }));
  }

  drawStrips() {
    if (!this.window) {
      return;
    }
    for (const row of this.rows.values()) {
      if (row.visible) {
        this.want(row);
      }
    }
    this.swatches.forEach(({ state, canvas }) => drawSwatch(canvas, state));
  }

  add(services) {
    for (const service of services) {
      this.rows.get(service.key)?.add(service);
    }
  }

  isOpen(service) {
    const { open } = this.view;
    return open !== null && open.name === service.name && (open.host === service.host || open.host === "");
  }

  toggle(row, stretch) {
    if (row.detail && !stretch) {
      this.on.open(null);
      return;
    }
    this.stretch = stretch;
    if (row.detail) {
      row.detail.mark(stretch);
    } else {
      this.on.open(row.service);
    }
  }

  // Opens what the view says, closes what it does not.
  showOpen(services) {
    const opened = services.find((service) => this.isOpen(service));
    for (const row of this.rows.values()) {
      if (row.detail && row.service !== opened && row.service.key !== opened?.key) {
        this.close(row);
      }
    }
    const row = opened && this.rows.get(opened.key);
    if (row && !row.detail) {
      this.openRow(row);
    } else if (row) {
      this.drawDetail(row);
    }
  }

  openRow(row) {
    const { stretch } = this;
    this.stretch = null;
    row.detail = new Detail(row.service, {
      onRange: this.on.range,
      onClose: () => {
        this.on.open(null);
        row.strip.focus();
      },
      onOnly: () => this.on.only(row.service),
    });
    row.element.append(row.detail.element);
    row.element.classList.add("open");
    row.strip.setAttribute("aria-expanded", "true");
    row.visible = true;
    this.want(row);
    this.reloadDetail(row, stretch);
  }

  async reloadDetail(row, stretch) {
    await row.detail.load(this.window, this.signal);
    this.drawDetail(row);
    if (stretch) {
      row.detail?.mark(stretch);
    }
  }

  reload() {
    for (const row of this.rows.values()) {
      if (row.detail) {
        this.reloadDetail(row, null);
      }
    }
  }

  drawDetail(row) {
    if (row.detail && row.bins) {
      row.detail.draw(row.service, row.bins, this.window, row.summary());
    }
  }

  close(row) {
    row.detail?.destroy();
    row.detail = null;
    row.element.classList.remove("open");
    row.strip.setAttribute("aria-expanded", "false");
  }

  step(from, direction) {
    const next = direction > 0 ? from.element.nextElementSibling : from.element.previousElementSibling;
    next?.querySelector(".strip")?.focus();
  }

  addEvent(event) {
    for (const row of this.rows.values()) {
      row.detail?.addLive(event);
    }
  }

  // Where somebody came from elsewhere on the page.
  reveal() {
    const row = [...this.rows.values()].find((one) => one.detail);
    row?.element.scrollIntoView({ block: "nearest" });
    row?.strip.focus({ preventScroll: true });
  }
}
