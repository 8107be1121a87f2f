// SPDX-License-Identifier: MIT
// Makes elements. What the collector sends is put into the document here and only as text nodes and
// attribute values, never as markup.

const SVG = "http://www.w3.org/2000/svg";

// Attributes that run or load something are set nowhere: everything in them would be trusted.
function setAttribute(node, name, value) {
  if (/^(on|href$|src|style$|action$|formaction$)/i.test(name)) {
    throw new TypeError(`the attribute ${name} is not set from here`);
  }
  node.setAttribute(name, value === true ? "" : String(value));
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) {
      setAttribute(node, name, value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// el("span", {class: "name"}, "text", otherElement)
export function el(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
  return document.getElementById(id);
}

// Sets the text only when it changed, so that screen readers and selections are left alone.
export function setText(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

// Marks that only draw: lists of names and values have these beside words, never instead of them.
export function hiddenText(text) {
  return el("span", { class: "hidden" }, text);
}
