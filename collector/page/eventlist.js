// SPDX-License-Identifier: MIT
// Events as a list: when, what, of whom, and why.

import { el, hiddenText } from "./dom.js";
import { dateTime, shortTime } from "./format.js";
import { glyph, knownState } from "./states.js";

const WORDS = { state: "", event: "", reason: "", message: "", host: "", service: "" };

function texts(event) {
  return Object.fromEntries(Object.keys(WORDS).map((name) => [name, typeof event[name] === "string" ? event[name] : ""]));
}

// The message without what stands beside it already: "web is failing: GET /health" tells the check.
function told({ message, reason, service, state }) {
  const known = `${service} is ${state}`;
  if (message === known) {
    return reason;
  }
  return message.startsWith(`${known}: `) ? message.slice(known.length + 2) : message || reason;
}

// onOpen(host, service) is missing where the list is of one service only.
export function eventItem(event, now, { showHost, onOpen }) {
  const word = texts(event);
  const name = word.service === "" ? "host" : word.service;
  const title = onOpen && word.service !== "" ? el("button", { type: "button", class: "link name" }, name) : el("span", { class: "name" }, name);
  if (onOpen && word.service !== "") {
    title.addEventListener("click", () => onOpen(word.host, word.service, event.at));
  }
  const about = onOpen ? [title, showHost || word.service === "" ? el("span", { class: "at" }, word.host) : null] : [];
  const state = word.state === "" ? null : el("span", { class: "statename", "data-state": knownState(word.state) }, word.state);
  const kind = word.event !== "" && word.event !== word.state ? el("span", { class: "kind" }, word.event) : null;
  const text = told(word);
  const why = word.reason !== "" && !text.includes(word.reason) ? el("span", { class: "reason" }, word.reason) : null;
  return el("li", { class: "event", "data-state": word.state === "" ? "none" : knownState(word.state), "data-id": event.id },
    el("time", { datetime: typeof event.time === "string" ? event.time : "", title: dateTime(event.at) }, shortTime(event.at, now)),
    glyph(word.state), el("div", { class: "what" }, el("p", { class: "who" }, ...about, state, kind), text === "" && why === null ? null : el("p", { class: "told" }, text, why)),
    hiddenText("."));
}

// Puts events into the list, the newest first, and keeps those that are there already: the place of
// the reader, a selection and the focus stay.
export class EventList {
  constructor(list, options) {
    this.list = list;
    this.options = options;
    this.items = new Map();
  }

  show(events, now, showHost) {
    const wanted = new Map(events.map((event) => [event.id, event]));
    for (const [id, item] of this.items) {
      if (!wanted.has(id) || this.showHost !== showHost) {
        item.remove();
        this.items.delete(id);
      }
    }
    this.showHost = showHost;
    let at = this.list.firstElementChild;
    const fresh = this.items.size > 0;
    for (const [id, event] of wanted) {
      const there = this.items.get(id);
      if (there && there === at) {
        at = at.nextElementSibling;
        continue;
      }
      const item = there ?? eventItem(event, now, { ...this.options, showHost });
      item.classList.toggle("fresh", !there && fresh && now - event.at < 60000);
      this.items.set(id, item);
      this.list.insertBefore(item, at);
    }
  }
}
