// SPDX-License-Identifier: MIT
// Numbers, spans and times as a person reads them. "–" stands for what is not known.

export const NOTHING = "–";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function digits(value) {
  const size = Math.abs(value);
  return size >= 100 ? 0 : size >= 10 ? 1 : 2;
}

function trimmed(value, places) {
  const text = value.toFixed(places);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

export function number(value) {
  if (!isNumber(value)) {
    return NOTHING;
  }
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e4]]) {
    if (Math.abs(value) >= size) {
      const scaled = value / (unit === "k" ? 1e3 : size);
      return trimmed(scaled, digits(scaled)) + unit;
    }
  }
  return trimmed(value, digits(value));
}

export function percent(value) {
  return isNumber(value) ? `${trimmed(value, Math.abs(value) >= 10 ? 0 : 1)} %` : NOTHING;
}

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value) {
  if (!isNumber(value)) {
    return NOTHING;
  }
  let unit = 0;
  let scaled = value;
  while (Math.abs(scaled) >= 1024 && unit < BYTES.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${trimmed(scaled, unit === 0 ? 0 : digits(scaled) - (Math.abs(scaled) >= 10 ? 0 : 1))} ${BYTES[unit]}`;
}

export function megabytes(value) {
  return isNumber(value) ? bytes(value * 1024 * 1024) : NOTHING;
}

export function kilobytesPerSecond(value) {
  return isNumber(value) ? `${bytes(value * 1024)}/s` : NOTHING;
}

export function perSecond(value) {
  return isNumber(value) ? `${number(value)}/s` : NOTHING;
}

export function latency(usec) {
  if (!isNumber(usec)) {
    return NOTHING;
  }
  if (usec < 1000) {
    return `${trimmed(usec, 0)} µs`;
  }
  return usec < 1e6 ? `${trimmed(usec / 1e3, digits(usec / 1e3) - 1 < 0 ? 0 : digits(usec / 1e3) - 1)} ms`
    : `${trimmed(usec / 1e6, 1)} s`;
}

// A span in its one or two largest units: "3 min", "1 h 5 min".
export function span(ms) {
  if (!isNumber(ms)) {
    return NOTHING;
  }
  const units = [["d", DAY], ["h", HOUR], ["min", MINUTE], ["s", SECOND]];
  const at = units.findIndex(([, size]) => ms >= size);
  if (at < 0) {
    return "0 s";
  }
  const [unit, size] = units[at];
  const first = Math.floor(ms / size);
  const next = units[at + 1];
  const rest = next && first < 10 && unit !== "min" ? Math.floor((ms - first * size) / next[1]) : 0;
  return `${first} ${unit}${rest > 0 ? ` ${rest} ${next[0]}` : ""}`;
}

// Milliseconds since 1970 of an RFC 3339 time; NaN for anything else.
export function parseTime(text) {
  return typeof text === "string" ? Date.parse(text) : NaN;
}

function two(value) {
  return String(value).padStart(2, "0");
}

export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function day(ms) {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function dateTime(ms) {
  return Number.isNaN(ms) ? NOTHING : `${day(ms)} ${clock(ms)}`;
}

// Of a time within a list: the day only when it is not today.
export function shortTime(ms, now) {
  if (Number.isNaN(ms)) {
    return NOTHING;
  }
  return day(ms) === day(now) ? clock(ms) : `${day(ms).slice(5)} ${clock(ms)}`;
}

// Round values from 0 up to a highest one, at most `most` of them above it; of bytes (base 1024) those
// that are round in their unit.
export function valueTicks(highest, most, base = 1000) {
  const top = highest > 0 ? highest : 1;
  const unit = base ** Math.floor(Math.log(top) / Math.log(base));
  const steps = base === 1024 ? [0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    : [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];
  const step = (steps.find((size) => top / (size * unit) <= most) ?? base) * unit;
  const ticks = [];
  for (let i = 0; i * step < top + step * 0.999; i++) {
    ticks.push(i * step);
  }
  return ticks;
}

const TICKS = [SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE,
  30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY];

// Round times between the two, at most `most`, with their labels; whole hours and days are those of
// the reader's time zone.
export function timeTicks(from, to, most) {
  const step = TICKS.find((size) => (to - from) / size <= most) ?? 365 * DAY;
  const shift = new Date(from).getTimezoneOffset() * MINUTE;
  const ticks = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) {
    const text = step >= DAY ? day(at).slice(5) : step >= MINUTE ? clock(at).slice(0, 5) : clock(at);
    ticks.push({ at, text });
  }
  return ticks;
}
