// SPDX-License-Identifier: MIT
// The strip of one service: its states over the time range, on a canvas.

import { knownState, drawPattern, stateOf } from "./states.js";

const palette = new Map();

// To be called when the colours of the page changed.
export function readPalette() {
  palette.clear();
}

function colour(name) {
  if (!palette.has(name)) {
    palette.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  }
  return palette.get(name);
}

// Fits the canvas to its box on this screen; null when it is not laid out.
function contextOf(canvas) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (width === 0 || height === 0) {
    return null;
  }
  const scale = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

function drawStretch(context, state, x, width, bottom) {
  const { height, pattern } = stateOf(state);
  const tall = Math.max(2, Math.round(height * bottom));
  const top = bottom - tall;
  context.fillStyle = colour(`--state-${knownState(state)}`);
  if (pattern === "hollow") {
    context.fillRect(x, bottom - 2, width, 2);
    context.fillRect(x, top, width, 1);
    return;
  }
  context.fillRect(x, top, width, tall);
  if (width >= 3) {
    drawPattern(context, state, x, top, width, tall, colour("--pattern"));
  }
}

// A state that was short is still seen: nothing is narrower than two pixels, and what is worse is
// drawn over what is better.
export function drawStrip(canvas, stretches, window) {
  const drawing = contextOf(canvas);
  if (!drawing) {
    return;
  }
  const { context, width, height } = drawing;
  const scale = width / (window.until - window.since);
  context.fillStyle = colour("--grid");
  context.fillRect(0, height - 1, width, 1);
  const boxes = stretches.map(({ from, to, state }) => {
    const x = Math.max(0, (from - window.since) * scale);
    return { state, x, width: Math.max(2, Math.min(width, (to - window.since) * scale) - x) };
  }).filter((box) => box.x < width && box.x + box.width > 0);
  boxes.sort((a, b) => stateOf(a.state).height - stateOf(b.state).height);
  for (const box of boxes) {
    drawStretch(context, box.state, box.x, box.width, height);
  }
}

export function drawSwatch(canvas, state) {
  const drawing = contextOf(canvas);
  if (drawing) {
    drawStretch(drawing.context, state, 0, drawing.width, drawing.height);
  }
}

// The stretch at a place of the strip (0 left, 1 right), with some room for short ones.
export function stretchAt(stretches, window, place) {
  const span = window.until - window.since;
  const time = window.since + place * span;
  const room = span / 200;
  const near = stretches.filter((stretch) => stretch.from - room <= time && time < stretch.to + room);
  const short = near.filter((stretch) => stretch.to - stretch.from < room * 2);
  return short[0] ?? near.find((stretch) => stretch.from <= time && time < stretch.to) ?? near[0] ?? null;
}
