// Builds DOM from values and brings an old tree to the shape of a new one. Text only ever becomes text nodes and
// attributes: nothing an agent sent can become markup.

const kSvgSpace = 'http://www.w3.org/2000/svg';

// h('a', {class: 'x', href, key: id, on: {click: f}, vars: {h: '40%'}}, 'text', child, [children])
// key: identity among siblings. on: listeners. vars: CSS custom properties (the CSP forbids style attributes).
export function h(tag, props, ...children) {
  return build(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return build(document.createElementNS(kSvgSpace, tag), props, children);
}

function build(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'key') element.dune_key = String(value);
    else if (name === 'on') listen(element, value);
    else if (name === 'vars') for (const [v, text] of Object.entries(value)) element.style.setProperty(`--${v}`, text);
    else if (name === 'value' && 'value' in element && element.tagName !== 'OPTION') element.dune_value = String(value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  if (element.dune_value !== undefined) element.value = element.dune_value;  // after the options of a select
  return element;
}

function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

// Listeners go through the element, so that a patched element answers with the newest closure.
function listen(element, handlers) {
  element.dune_on = handlers;
  for (const type of Object.keys(handlers)) {
    element.addEventListener(type, (event) => element.dune_on?.[type]?.(event));
  }
}

// Makes `parent` contain `fresh` and nothing else, keeping elements that are still the same (focus, scroll, open
// details and text selection stay where they are).
export function patch_into(parent, fresh) {
  patch_children(parent, [fresh]);
}

function same(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.dune_key === b.dune_key &&
         listener_names(a) === listener_names(b);
}

function listener_names(element) {
  return element.dune_on ? Object.keys(element.dune_on).join() : '';
}

function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) return;
  patch_attributes(old, fresh);
  old.dune_on = fresh.dune_on;
  patch_children(old, [...fresh.childNodes]);
  if (fresh.dune_value !== undefined && old !== document.activeElement && old.value !== fresh.dune_value) {
    old.value = fresh.dune_value;
  }
}

function patch_attributes(old, fresh) {
  // style follows below; an open box and the "Copied" of a button outlive a refresh.
  const user_owned = (name) => name === 'style' || name === 'data-state' || (name === 'open' && old.nodeName === 'DETAILS');
  for (const {name, value} of fresh.attributes) {
    if (!user_owned(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const {name} of [...old.attributes]) {
    if (!user_owned(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
}

function patch_children(parent, fresh) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (child.dune_key !== undefined) keyed.set(child.dune_key, child);
  const wanted = new Set(fresh.map((child) => child.dune_key).filter((key) => key !== undefined));
  const drop = (child) => { const next = child.nextSibling; child.remove(); return next; };
  let at = parent.firstChild;
  for (const next of fresh) {
    // Gone ones first: taking a survivor out and putting it back would cost it focus and scroll position.
    while (at && at.dune_key !== undefined && !wanted.has(at.dune_key)) at = drop(at);
    let match = next.dune_key !== undefined ? keyed.get(next.dune_key) : at;
    if (match && !same(match, next)) match = null;
    if (match) {
      if (match === at) at = at.nextSibling;
      else parent.insertBefore(match, at);
      patch(match, next);
    } else {
      parent.insertBefore(next, at);
      // An unkeyed element that does not fit is replaced, not pushed along; a keyed one may be wanted further down.
      if (at && next.dune_key === undefined && at.dune_key === undefined) at = drop(at);
    }
  }
  while (at) at = drop(at);
}
