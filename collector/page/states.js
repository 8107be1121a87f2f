// SPDX-License-Identifier: MIT
// The eight states of a service: their words, order, and how each is told apart without colour -
// by its glyph in lists, by height and pattern in strips. Severity rises with the height.

import { svg } from "./dom.js";

// glyph: path in a box of 16; height: part of the strip; pattern: see drawPattern().
const STATES = {
  held: { text: "held: given up for now, tried again slowly", height: 1, pattern: "cross",
    glyph: "M3 1h10l2 2v10l-2 2H3l-2-2V3zm2 3v8h2V4zm4 0v8h2V4z" },
  unhealthy: { text: "unhealthy: checks failed for good", height: 1, pattern: "solid",
    glyph: "M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0zM4 5l3 3-3 3 1 1 3-3 3 3 1-1-3-3 3-3-1-1-3 3-3-3z" },
  failing: { text: "failing: a check has failed", height: 0.8, pattern: "diagonal",
    glyph: "M8 1l8 14H0zM7 6v4h2V6zm0 5v2h2v-2z" },
  starting: { text: "starting or restarting", height: 0.64, pattern: "vertical",
    glyph: "M8 1a7 7 0 0 1 7 7h-2.2A4.8 4.8 0 1 0 8 12.8V15A7 7 0 1 1 8 1zm1 8h6l-3 4z" },
  maintenance: { text: "maintenance: verdicts are only shown", height: 0.48, pattern: "horizontal",
    glyph: "M11 0a5 5 0 0 0-4.8 6.3L0 12.5 3.5 16l6.2-6.2A5 5 0 0 0 15.7 3.3L12.5 6.5l-3-3L12.7.3A5 5 0 0 0 11 0z" },
  frozen: { text: "frozen: asleep until somebody connects", height: 0.48, pattern: "dots",
    glyph: "M7 0h2v3l2-1 1 1.5-3 2V7l2-1 .3-3.4 1.7.2-.1 2 2-1 1 1.7-2.2 1.2 2.2 1.2-1 1.7-2-1 .1 2-1.7.2L11 10l-2-1v2.5l3 2-1 1.5-2-1v2H7v-2l-2 1-1-1.5 3-2V9l-2 1-.3 3.4-1.7-.2.1-2-2 1-1-1.7L4.3 8.3 1.1 7.1l1-1.7 2 1-.1-2 1.7-.2L5 6l2 1V5.5l-3-2L5 2l2 1z" },
  stopped: { text: "stopped", height: 0.2, pattern: "hollow", glyph: "M2 2h12v12H2zm2 2v8h8V4z" },
  healthy: { text: "healthy", height: 0.48, pattern: "solid",
    glyph: "M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0zM4.2 7L2.8 8.4l4 4 6.4-6.4-1.4-1.4-5 5z" },
};

export const STATE_NAMES = Object.keys(STATES);
const UNKNOWN = { text: "no data", height: 0, pattern: "none", glyph: "M7 7h2v2H7zM2 7h2v2H2zm10 0h2v2h-2z" };

// A word that is not among ours comes from a newer phoenixd, or from somebody who plays: the
// collector counts it as failing, and so does the page.
export function knownState(word) {
  return Object.hasOwn(STATES, word) ? word : typeof word === "string" && word !== "" ? "failing" : "unknown";
}

export function stateOf(word) {
  return STATES[knownState(word)] ?? UNKNOWN;
}

// 0 for the worst.
export function severity(word) {
  const at = STATE_NAMES.indexOf(knownState(word));
  return at < 0 ? STATE_NAMES.length : at;
}

export function isBad(word) {
  return ["held", "unhealthy", "failing"].includes(knownState(word));
}

export function worse(a, b) {
  return severity(a) <= severity(b) ? a : b;
}

export function glyph(word) {
  return svg("svg", { class: "glyph", viewBox: "0 0 16 16", "data-state": knownState(word), "aria-hidden": "true", width: 14, height: 14 },
    svg("path", { d: stateOf(word).glyph, "fill-rule": "evenodd" }));
}

function lines(context, x, y, width, height, gap, slope) {
  context.beginPath();
  for (let at = x - height; at < x + width + height; at += gap) {
    context.moveTo(at, slope > 0 ? y + height : y);
    context.lineTo(at + height, slope > 0 ? y : y + height);
  }
  context.stroke();
}

// Draws one stretch of a state over a rectangle that is already filled with its colour.
export function drawPattern(context, word, x, y, width, height, ink) {
  const { pattern } = stateOf(word);
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = ink;
  context.fillStyle = ink;
  context.lineWidth = 1.5;
  if (pattern === "diagonal" || pattern === "cross") {
    lines(context, x, y, width, height, 6, 1);
  }
  if (pattern === "cross") {
    lines(context, x, y, width, height, 6, -1);
  }
  if (pattern === "vertical") {
    for (let at = x + 2; at < x + width; at += 4) {
      context.fillRect(at, y, 1.5, height);
    }
  }
  if (pattern === "horizontal") {
    for (let at = y + 2; at < y + height; at += 4) {
      context.fillRect(x, at, width, 1.5);
    }
  }
  if (pattern === "dots") {
    for (let at = x + 3; at < x + width; at += 6) {
      context.fillRect(at, y + height / 2 - 1, 2, 2);
    }
  }
  context.restore();
}
