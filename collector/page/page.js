// Numbers and pictures, fetched anew every 5 seconds. What was posted goes into the document as text only.
"use strict";

const bad = new Set(["failing", "unhealthy", "held"]);

function row(cells) {
  const tr = document.createElement("tr");
  for (const [text, mark] of cells) {
    const td = document.createElement("td");
    td.textContent = text ?? "-";
    if (mark) td.className = mark;
    tr.append(td);
  }
  return tr;
}

function number(value, unit, digits = 1) {
  return value === null ? "-" : `${value.toFixed(digits)} ${unit}`;
}

function hostRow(h) {
  const containers = Object.entries(h.containers).filter(([, n]) => n > 0).map(([c, n]) => `${n} ${c}`).join(", ");
  return row([[h.name], [new Date(h.last).toLocaleString()], [number(h.cpu_percent, "%")],
    [number(h.memory_used_mb, "MB", 0)], [containers || "0"], [String(h.services)]]);
}

function serviceRow(s) {
  return row([[s.host], [s.name], [s.state, bad.has(s.state) ? "bad" : ""], [s.restarts],
    [s.latency_usec === null ? "-" : number(s.latency_usec / 1000, "ms")], [s.reason]]);
}

async function json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

async function refresh() {
  const status = document.getElementById("status");
  try {
    const [hosts, services] = await Promise.all([json("api/v1/hosts"), json("api/v1/services")]);
    document.getElementById("hosts").replaceChildren(...hosts.hosts.map(hostRow));
    document.getElementById("services").replaceChildren(...services.services.map(serviceRow));
    status.textContent = hosts.hosts.length ? `as of ${new Date(hosts.now).toLocaleString()}` : "nothing was posted yet";
    for (const id of ["system", "containers"])
      document.getElementById(id).src = `${id}_metrics.png?t=${Date.now()}`;
  } catch (error) {
    status.textContent = `no connection to the collector: ${error.message}`;
  }
  setTimeout(refresh, 5000);
}

refresh();
