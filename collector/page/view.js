// SPDX-License-Identifier: MIT
// What is looked at: time range, filters, the opened service. It stands in the page's address, so
// that it can be kept and sent around; behind the #, since it is no business of the collector.

import { DAY, HOUR, MINUTE } from "./format.js";

export const RANGES = { "15m": 15 * MINUTE, "1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY };
const DEFAULT_RANGE = "1h";
const NAME_BYTES = 253;
const FIRST = Date.UTC(1970, 0, 1);
const LAST = Date.UTC(2200, 0, 1);

// Between two times of the address; null unless both are there and in order.
function fixedSpan(query) {
  const since = Date.parse(query.get("since") ?? "");
  const until = Date.parse(query.get("until") ?? "");
  return since >= FIRST && until <= LAST && since < until ? { since, until } : null;
}

export function readView(hash) {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const text = (name) => (query.get(name) ?? "").slice(0, NAME_BYTES);
  const range = query.get("range");
  return {
    range: Object.hasOwn(RANGES, range) ? range : DEFAULT_RANGE,
    fixed: fixedSpan(query),
    host: text("host"),
    service: text("service"),
    state: text("state"),
    sort: text("sort"),
    open: query.has("open") ? { host: text("on"), name: text("open") } : null,
  };
}

export function writeView(view) {
  const query = new URLSearchParams();
  if (view.fixed) {
    query.set("since", new Date(view.fixed.since).toISOString());
    query.set("until", new Date(view.fixed.until).toISOString());
  } else if (view.range !== DEFAULT_RANGE) {
    query.set("range", view.range);
  }
  for (const name of ["host", "service", "state", "sort"]) {
    if (view[name] !== "") {
      query.set(name, view[name]);
    }
  }
  if (view.open) {
    query.set("open", view.open.name);
    query.set("on", view.open.host);
  }
  return query.size > 0 ? `#${query}` : "";
}

// From when to when, in milliseconds.
export function windowOf(view, now) {
  return view.fixed ? { ...view.fixed } : { since: now - RANGES[view.range], until: now };
}

// A window in as many parts as a strip or a chart can show.
export function stepOf(window) {
  return Math.max(1000, Math.ceil((window.until - window.since) / 300 / 1000) * 1000);
}

// The same as parameters, in whole steps: who asks within one of them asks for the same.
export function spanOf(window) {
  const step = stepOf(window);
  const text = (time) => new Date(time).toISOString();
  return { since: text(Math.floor(window.since / step) * step), until: text((Math.floor(window.until / step) + 1) * step), step: `${step / 1000}s` };
}
