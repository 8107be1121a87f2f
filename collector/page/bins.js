// SPDX-License-Identifier: MIT
// Values over time as the page keeps them: rows of equal steps from the collector, with live samples
// put into the step they belong to. Nothing of the document is touched here.

import { worse } from "./states.js";

// Columns that are totals or newest values; of all other numbers the mean counts.
const NEWEST = new Set(["restarts", "beats", "disk_write_kb", "disk_read_kb", "io_write_ops", "io_read_ops", "containers", "memory_total_mb"]);
const HIGHEST = /_max$/;

function join(row, sample) {
  const n = row.n ?? 1;
  for (const [name, value] of Object.entries(sample)) {
    if (name === "time" || name === "n") {
      continue;
    }
    if (name === "state") {
      row.state = worse(row.state, value);
    } else if (typeof value !== "number" || typeof row[name] !== "number" || NEWEST.has(name)) {
      row[name] = value ?? row[name];
    } else {
      row[name] = HIGHEST.test(name) ? Math.max(row[name], value) : (row[name] * n + value) / (n + 1);
    }
  }
  row.n = n + 1;
}

export class Bins {
  // newest: the time of the newest sample in the rows, NaN when it is not known.
  constructor(step, rows, newest = NaN) {
    this.step = step;
    this.newest = newest;
    this.rows = rows.filter((row) => Number.isFinite(row.time)).sort((a, b) => a.time - b.time);
  }

  // Adds a live sample. One that is older than what is there has been fetched already.
  add(time, values) {
    const begin = Math.floor(time / this.step) * this.step;
    const last = this.rows.at(-1);
    if (time <= this.newest || (last && begin < last.time)) {
      return;
    }
    const sample = { ...values };
    if ("cpu_percent" in sample && !("cpu_percent_max" in sample)) {
      sample.cpu_percent_max = sample.cpu_percent;
    }
    if (last && begin < last.time + this.step) {
      join(last, sample);
    } else {
      this.rows.push({ ...sample, time: begin, n: 1 });
    }
  }

  dropBefore(time) {
    const keep = this.rows.findIndex((row) => row.time + this.step > time);
    this.rows.splice(0, keep < 0 ? this.rows.length : keep);
  }

  // How far two rows may stand apart before there is a hole between them: samples may come slower
  // than the step, so it is measured by how they usually come.
  holeSpan() {
    const gaps = this.rows.slice(1).map((row, i) => row.time - this.rows[i].time).sort((a, b) => a - b);
    const usual = gaps[Math.floor(gaps.length / 2)] ?? this.step;
    return Math.max(this.step, usual) * 2.5;
  }

  // Points {x, y} of a column, or of a function of a row, those before it since the last hole, and
  // the step; y is null in holes.
  points(column) {
    const value = typeof column === "function" ? column : (row) => row[column];
    const hole = this.holeSpan();
    const points = [];
    let run = [];
    for (const row of this.rows) {
      const before = run.at(-1);
      if (before && row.time - before.time > hole) {
        points.push({ x: before.time + this.step, y: null });
        run = [];
      }
      const y = value(row, run, this.step);
      points.push({ x: row.time, y: Number.isFinite(y) ? y : null });
      run.push(row);
    }
    return points;
  }

  // Stretches of the same state {from, to, state}, until `until` at most; holes have none.
  stretches(until) {
    const hole = this.holeSpan();
    const found = [];
    this.rows.forEach((row, i) => {
      const next = this.rows[i + 1];
      const end = next && next.time - row.time <= hole ? next.time : Math.min(row.time + hole / 2.5, until);
      const last = found.at(-1);
      if (last && last.state === row.state && row.time - last.to <= 0) {
        last.to = end;
      } else {
        found.push({ from: row.time, to: Math.max(end, row.time), state: row.state });
      }
    });
    return found;
  }
}

// What a total rose by per second, over the minute or the five steps before: one step alone has now
// one sample, now two, and their times are known to the step only, so little alone tells nothing. A
// total that fell began anew.
const RATE_SPAN = 60000;
const RATE_STEPS = 5;

export function rate(column) {
  return (row, run, step) => {
    const span = Math.max(RATE_SPAN, RATE_STEPS * step);
    let from = row;
    let n = 0;
    for (let i = run.length - 1; i >= 0; i--) {
      const before = run[i];
      if (!(before[column] <= from[column]) || (from !== row && row.time - before.time > span)) {
        break;
      }
      from = before;
      n++;
    }
    const isEnough = n >= 2 || (n === 1 && row.time - from.time >= span / 2);
    return !isEnough ? null : (row[column] - from[column]) / ((row.time - from.time) / 1000);
  };
}

export function perMinute(column) {
  const perSecond = rate(column);
  return (...place) => {
    const value = perSecond(...place);
    return value === null ? null : value * 60;
  };
}

// Shares of the time a service was in each state, the largest first: [["healthy", 0.97], ...].
export function shares(stretches) {
  const spans = new Map();
  for (const { from, to, state } of stretches) {
    spans.set(state, (spans.get(state) ?? 0) + (to - from));
  }
  const whole = [...spans.values()].reduce((sum, value) => sum + value, 0);
  return [...spans].map(([state, value]) => [state, whole > 0 ? value / whole : 0]).sort((a, b) => b[1] - a[1]);
}
