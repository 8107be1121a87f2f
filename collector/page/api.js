// SPDX-License-Identifier: MIT
// Asks the collector. Few requests at a time: a page with a thousand strips must not be a flood.

import { parseTime } from "./format.js";

const TIMEOUT = 20000;
const AT_ONCE = 4;

export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function answer(response) {
  const text = await response.text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ApiError(response.status, "the answer is not JSON");
  }
  if (!response.ok) {
    throw new ApiError(response.status, typeof body?.error === "string" ? body.error : `status ${response.status}`);
  }
  if (body === null || typeof body !== "object") {
    throw new ApiError(response.status, "the answer is not an object");
  }
  return body;
}

let running = 0;
const waiting = [];

function next() {
  while (running < AT_ONCE && waiting.length > 0) {
    running++;
    waiting.shift()();
  }
}

// Parameters that are null or empty are left out.
export async function get(path, parameters, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters ?? {})) {
    if (value !== null && value !== undefined && value !== "") {
      query.set(name, value);
    }
  }
  await new Promise((go) => {
    waiting.push(go);
    next();
  });
  try {
    signal?.throwIfAborted();
    const limit = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(query.size > 0 ? `${path}?${query}` : path, {
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      headers: { Accept: "application/json" },
      cache: "no-store",
      redirect: "error",
    });
    return await answer(response);
  } finally {
    running--;
    next();
  }
}

function list(body, name) {
  return Array.isArray(body[name]) ? body[name].filter((item) => item !== null && typeof item === "object") : [];
}

export async function getHosts(signal) {
  const body = await get("/api/v1/hosts", {}, signal);
  return { now: body.now, hosts: list(body, "hosts") };
}

export async function getServices(signal) {
  const body = await get("/api/v1/services", {}, signal);
  return { now: body.now, services: list(body, "services") };
}

export async function getEvents(parameters, signal) {
  const body = await get("/api/v1/events", parameters, signal);
  return { events: list(body, "events"), more: body.more === true };
}

// Series that are asked for at once, over the same time, are one request: as many as its address has room for.
const SERIES_AT_ONCE = 32;
const SERIES_LETTERS = 6000;
let asked = [];

// Rows as objects, by the names of their columns.
function seriesFrom(body) {
  const columns = Array.isArray(body?.columns) ? body.columns : [];
  const rows = Array.isArray(body?.rows) ? body.rows.filter(Array.isArray) : [];
  return {
    step: Number(body?.step_usec) / 1000 || 1000,
    newest: parseTime(body?.newest),
    rows: rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
  };
}

async function getTogether(some) {
  try {
    const body = await get("/api/v1/series", { series: JSON.stringify(some.map(({ series }) => series)), ...some[0].span }, some[0].signal);
    const found = Array.isArray(body.series) ? body.series : [];
    some.forEach(({ resolve }, i) => resolve(seriesFrom(found[i])));
  } catch (error) {
    some.forEach(({ reject }) => reject(error));
  }
}

function* parts(group) {
  let some = [];
  let letters = 0;
  for (const one of group) {
    const n = encodeURIComponent(JSON.stringify(one.series)).length;
    if (some.length > 0 && (some.length === SERIES_AT_ONCE || letters + n > SERIES_LETTERS || some[0].signal !== one.signal)) {
      yield some;
      some = [];
      letters = 0;
    }
    some.push(one);
    letters += n;
  }
  yield some;
}

function getAsked() {
  const groups = Map.groupBy(asked, ({ span }) => JSON.stringify(span));
  asked = [];
  for (const group of groups.values()) {
    for (const some of parts(group)) {
      getTogether(some);
    }
  }
}

// series: {of, host, name}; span: {since, until, step} as parameters.
export function getSeries(series, span, signal) {
  return new Promise((resolve, reject) => {
    if (asked.length === 0) {
      setTimeout(getAsked);
    }
    asked.push({ series, span, signal, resolve, reject });
  });
}

export async function getHealth() {
  await get("/health");
}
