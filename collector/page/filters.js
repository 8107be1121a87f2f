// SPDX-License-Identifier: MIT
// The bar at the top: time range, host, service, colours. It shows the view, and tells what the
// reader wants changed; the view itself is kept elsewhere.

import { byId, el, setText } from "./dom.js";
import { MINUTE } from "./format.js";
import { RANGES, windowOf } from "./view.js";

const THEMES = { "": ["dark", "Colours: as the system"], dark: ["light", "Colours: dark"], light: ["", "Colours: light"] };

// What a field for local times takes.
function localTime(ms) {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE);
  return at.toISOString().slice(0, 19);
}

export class Filters {
  constructor(onChange, onTheme) {
    this.onChange = onChange;
    this.onTheme = onTheme;
    this.buildRanges();
    byId("host").addEventListener("change", (event) => onChange({ host: event.target.value }));
    byId("service").addEventListener("input", (event) => onChange({ service: event.target.value }));
    byId("custom").addEventListener("submit", (event) => this.submitSpan(event));
    byId("theme").addEventListener("click", () => this.nextTheme());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onTheme);
    this.showTheme();
  }

  buildRanges() {
    this.ranges = new Map([...Object.keys(RANGES), "custom"].map((word) => {
      const button = el("button", { type: "button", "aria-pressed": "false", "data-range": word }, word === "custom" ? "…" : word);
      if (word === "custom") {
        button.title = "Between two times";
        button.setAttribute("aria-label", "Between two times");
        button.setAttribute("aria-controls", "custom");
        button.setAttribute("aria-expanded", "false");
        button.addEventListener("click", () => this.openSpan(byId("custom").hidden));
      } else {
        button.addEventListener("click", () => {
          this.openSpan(false);
          this.onChange({ range: word, fixed: null });
        });
      }
      return [word, button];
    }));
    byId("ranges").append(...this.ranges.values());
  }

  openSpan(isOpen) {
    byId("custom").hidden = !isOpen;
    this.ranges.get("custom").setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      const window = windowOf(this.view, Date.now());
      byId("custom-since").value = localTime(window.since);
      byId("custom-until").value = localTime(window.until);
      setText(byId("custom-error"), "");
      byId("custom-since").focus();
    }
  }

  submitSpan(event) {
    event.preventDefault();
    const since = new Date(byId("custom-since").value).getTime();
    const until = new Date(byId("custom-until").value).getTime();
    if (since < until) {
      this.openSpan(false);
      this.onChange({ fixed: { since, until } });
    } else {
      setText(byId("custom-error"), "The first time has to be before the second.");
    }
  }

  show(view, model) {
    this.view = view;
    for (const [word, button] of this.ranges) {
      button.setAttribute("aria-pressed", String(view.fixed ? word === "custom" : word === view.range));
    }
    if (byId("service").value !== view.service) {
      byId("service").value = view.service;
    }
    this.showHosts(view, model);
  }

  showHosts(view, model) {
    const select = byId("host");
    const names = new Set(model.hostNames());
    if (view.host !== "") {
      names.add(view.host);
    }
    const there = [...select.options].slice(1).map((option) => option.value);
    if (there.length !== names.size || there.some((name) => !names.has(name))) {
      select.replaceChildren(select.options[0], ...[...names].sort().map((name) => el("option", { value: name }, name)));
    }
    if (select.value !== view.host) {
      select.value = view.host;
    }
  }

  nextTheme() {
    const root = document.documentElement;
    const [next] = THEMES[root.dataset.theme ?? ""];
    if (next === "") {
      delete root.dataset.theme;
    } else {
      root.dataset.theme = next;
    }
    try {
      localStorage.setItem("phoenix-theme", next);
    } catch {
      // No storage: until the page is left.
    }
    this.showTheme();
    this.onTheme();
  }

  showTheme() {
    const theme = document.documentElement.dataset.theme ?? "";
    setText(byId("theme"), { "": "◐", dark: "●", light: "○" }[theme]);
    byId("theme").setAttribute("aria-label", THEMES[theme][1]);
    byId("theme").title = THEMES[theme][1];
  }
}
