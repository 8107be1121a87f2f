// SPDX-License-Identifier: MIT
// The small box beside what is pointed at. There is one on the page.

import { el } from "./dom.js";
import { glyph } from "./states.js";

const box = el("div", { class: "tip", "aria-hidden": "true" });
box.hidden = true;
document.body.append(box);

export function showTip(owner, x, state, lines) {
  const place = owner.getBoundingClientRect();
  box.replaceChildren(el("p", {}, glyph(state), state), ...lines.map((line) => el("p", {}, line)));
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(innerWidth - width - 4, x - width / 2))}px`;
  box.style.top = `${place.top - height - 6 > 0 ? place.top - height - 6 : place.bottom + 6}px`;
}

export function hideTip() {
  box.hidden = true;
}
