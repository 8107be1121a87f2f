// SPDX-License-Identifier: MIT
// What is known now: hosts, services, events; each part as the collector last told it. Nothing of
// the document is touched here.

import { MINUTE, parseTime } from "./format.js";
import { isBad } from "./states.js";

const EVENTS_KEPT = 1000;
// A host that has not posted for so long is not called healthy any more.
const STALE = MINUTE;

// Names hold no control characters, so this cannot be two different pairs.
export function keyOf(host, name) {
  return `${host}\n${name}`;
}

function text(value) {
  return typeof value === "string" ? value : "";
}

function serviceFrom(host, raw) {
  return { ...raw, key: keyOf(host, text(raw.name)), host, name: text(raw.name), state: text(raw.state), reason: text(raw.reason),
    at: parseTime(raw.time) };
}

export class Model {
  constructor() {
    this.hosts = new Map();
    this.services = new Map();
    this.events = [];
    this.eventIds = new Set();
    this.moreEvents = false;
    this.skew = 0;
  }

  // The collector's clock: the reader's own may be wrong.
  now() {
    return Date.now() + this.skew;
  }

  setNow(time) {
    const at = parseTime(time);
    this.skew = Number.isNaN(at) ? 0 : at - Date.now();
  }

  setHosts(hosts) {
    this.hosts = new Map(hosts.map((host) => [text(host.name), { ...host, name: text(host.name), at: parseTime(host.last) }]));
  }

  setServices(services) {
    const known = services.map((raw) => serviceFrom(text(raw.host), raw));
    this.services = new Map(known.map((service) => [service.key, service]));
  }

  // Returns those that were not there before, the newest first.
  addEvents(events) {
    const fresh = events.filter((event) => Number.isFinite(event.id) && !this.eventIds.has(event.id) && !Number.isNaN(parseTime(event.time)));
    for (const event of fresh) {
      event.at = parseTime(event.time);
      this.eventIds.add(event.id);
    }
    this.events = [...fresh, ...this.events].sort((a, b) => b.at - a.at || b.id - a.id);
    return fresh;
  }

  // Of a page that stands open for days; more come from the collector again when they are wanted.
  trimEvents() {
    if (this.events.length > EVENTS_KEPT) {
      this.events.splice(EVENTS_KEPT).forEach((event) => this.eventIds.delete(event.id));
      this.moreEvents = true;
    }
  }

  clearEvents() {
    this.events = [];
    this.eventIds.clear();
  }

  // A sample of the stream; returns the services in it.
  addSample(sample) {
    const name = text(sample.host);
    const at = parseTime(sample.time);
    const host = this.hosts.get(name) ?? { name, first: sample.time };
    const services = (Array.isArray(sample.services) ? sample.services : [])
      .filter((raw) => raw !== null && typeof raw === "object")
      .map((raw) => serviceFrom(name, { ...raw, time: raw.time ?? sample.time }));
    if (!(host.at > at)) {
      for (const member of ["cpu_percent", "memory_used_mb", "memory_free_mb", "memory_total_mb"]) {
        host[member] = sample[member] ?? host[member];
      }
      host.at = at;
      host.last = sample.time;
      services.forEach((service) => this.services.set(service.key, service));
    }
    this.hosts.set(name, host);
    return services;
  }

  // An event says what a service is before the next sample does.
  applyEvent(event) {
    const service = this.services.get(keyOf(text(event.host), text(event.service)));
    if (service && text(event.state) !== "" && !(service.at > parseTime(event.time))) {
      service.state = event.state;
      service.reason = text(event.reason);
      service.at = parseTime(event.time);
    }
    return service;
  }

  isStale(service) {
    const host = this.hosts.get(service.host);
    return this.now() - Math.max(service.at || 0, host?.at || 0) > STALE;
  }

  hostNames() {
    return [...this.hosts.keys()].sort();
  }

  // Whose memory and CPU are shown: the chosen one, else who posted last.
  mainHost(chosen) {
    if (chosen !== "") {
      return chosen;
    }
    return [...this.hosts.values()].sort((a, b) => (b.services ?? 0) - (a.services ?? 0) || (a.name < b.name ? -1 : 1))[0]?.name ?? "";
  }

  matching(view) {
    const wanted = view.service.toLowerCase();
    return [...this.services.values()].filter((service) => (view.host === "" || service.host === view.host) &&
      (wanted === "" || service.name.toLowerCase().includes(wanted)));
  }

  matchingEvents(view, window) {
    const wanted = view.service.toLowerCase();
    return this.events.filter((event) => (view.host === "" || event.host === view.host) &&
      (wanted === "" || text(event.service).toLowerCase().includes(wanted)) && event.at >= window.since && event.at < window.until + MINUTE);
  }

  badCount(view) {
    return this.matching(view).filter((service) => isBad(service.state)).length;
  }
}
