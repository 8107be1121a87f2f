// SPDX-License-Identifier: MIT
// The hosts side by side, when there are several: a look at each, and a way to one.

import { byId, el, setText } from "./dom.js";
import * as format from "./format.js";
import { isBad } from "./states.js";

const SHOWN = 24;

class Card {
  constructor(name, onPick) {
    this.cpu = el("meter", { min: 0, max: 100, high: 90 });
    this.memory = el("meter", { min: 0, max: 100, high: 90 });
    this.cpuText = el("span", { class: "metertext" });
    this.memoryText = el("span", { class: "metertext" });
    this.note = el("span", { class: "note" });
    this.button = el("button", { type: "button", class: "hostcard", "aria-pressed": "false" },
      el("span", { class: "name", title: name }, name), this.note,
      el("span", { class: "meterline" }, "CPU ", this.cpu, this.cpuText),
      el("span", { class: "meterline" }, "Mem ", this.memory, this.memoryText));
    this.button.addEventListener("click", onPick);
    this.element = el("li", {}, this.button);
  }

  show(host, services, isChosen, isShown, now) {
    const share = host.memory_total_mb > 0 ? (host.memory_used_mb / host.memory_total_mb) * 100 : NaN;
    this.cpu.value = Number.isFinite(host.cpu_percent) ? host.cpu_percent : 0;
    this.memory.value = Number.isFinite(share) ? share : 0;
    setText(this.cpuText, format.percent(host.cpu_percent));
    setText(this.memoryText, format.percent(share));
    const bad = services.filter((service) => isBad(service.state)).length;
    const silent = now - host.at > format.MINUTE;
    setText(this.note, silent ? `silent for ${format.span(now - host.at)}` : bad > 0 ? `${bad} not well` : `${services.length} ${services.length === 1 ? "service" : "services"}`);
    this.button.dataset.state = silent ? "unknown" : bad > 0 ? "failing" : "healthy";
    this.button.setAttribute("aria-pressed", String(isChosen));
    this.button.classList.toggle("shown", isShown);
  }
}

export class Hosts {
  constructor(model, onPick) {
    this.model = model;
    this.onPick = onPick;
    this.cards = new Map();
    this.list = byId("hosts");
    this.rest = el("li", { class: "note" });
  }

  // Chosen as a filter; main: whose charts are shown.
  show(chosen, main) {
    const names = this.model.hostNames();
    const shown = names.slice(0, SHOWN);
    this.list.hidden = names.length < 2;
    if (names.length < 2) {
      return;
    }
    const services = Map.groupBy(this.model.services.values(), (service) => service.host);
    for (const [name, card] of this.cards) {
      if (!shown.includes(name)) {
        card.element.remove();
        this.cards.delete(name);
      }
    }
    for (const name of shown) {
      if (!this.cards.has(name)) {
        // Pressed once more, a card lets go.
        this.cards.set(name, new Card(name, () => this.onPick(this.chosen === name ? "" : name)));
      }
      this.cards.get(name).show(this.model.hosts.get(name), services.get(name) ?? [], name === chosen, name === main, this.model.now());
    }
    this.chosen = chosen;
    const order = shown.map((name) => this.cards.get(name).element);
    if (order.some((element, i) => this.list.children[i] !== element)) {
      this.list.replaceChildren(...order);
    }
    if (names.length > SHOWN) {
      setText(this.rest, `and ${names.length - SHOWN} more: choose one above`);
      this.list.append(this.rest);
    }
  }
}
