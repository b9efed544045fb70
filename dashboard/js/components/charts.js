// Bars per hour and the half-circle gauge. Sizes go in as CSS custom properties or SVG attributes.
import {h, svg} from '../dom.js';
import {utc_clock} from '../format.js';

function hour_label(start) {
  return utc_clock(start).slice(0, 5);
}

// hours: [{start, value, tone}], the current hour last. line: value of a dashed line.
export function hour_bars(hours, {describe, label, line}) {
  const top = Math.max(1, line ?? 0, ...hours.map((hour) => hour.value));
  const height = (value) => `${(value / top * 100).toFixed(2)}%`;
  return h('div', {class: 'bars', role: 'img', 'aria-label': label},
           h('div', {class: 'bars-plot'},
             line > 0 && h('span', {class: 'bars-line', key: 'line', vars: {h: height(line)}}),
             hours.map((hour, i) => h('span', {
               class: `bar tone-${hour.value > 0 ? hour.tone : 'none'}${i === hours.length - 1 ? ' bar-now' : ''}`,
               'data-tip': `${hour_label(hour.start)} UTC · ${describe(hour.value)}`, vars: {h: height(hour.value)}, key: hour.start,
             }))),
           h('div', {class: 'bars-axis', 'aria-hidden': 'true'},
             [0, 6, 12, 18].map((i) => h('span', {}, hour_label(hours[i].start))), h('span', {}, 'now')));
}

const kRadius = 80;

function on_arc(share, radius) {
  const angle = Math.PI * (1 - share);
  return [100 + radius * Math.cos(angle), 96 - radius * Math.sin(angle)].map((v) => v.toFixed(2));
}

function arc(from, to, name) {
  const [x0, y0] = on_arc(from, kRadius);
  const [x1, y1] = on_arc(to, kRadius);
  return svg('path', {class: `gauge-zone ${name}`, d: `M${x0} ${y0}A${kRadius} ${kRadius} 0 0 1 ${x1} ${y1}`});
}

// value 0 … 1, or NaN for "nothing known".
export function gauge(value, text, label) {
  const known = Number.isFinite(value);
  const tone = !known ? 'none' : value >= 0.75 ? 'bad' : value >= 0.5 ? 'warn' : 'good';
  const [x, y] = on_arc(known ? Math.min(1, Math.max(0, value)) : 0, kRadius - 14);
  return h('div', {class: `gauge tone-${tone}`, role: 'img', 'aria-label': label},
           svg('svg', {viewBox: '0 0 200 104', 'aria-hidden': 'true'},
               arc(0.005, 0.492, 'zone-good'), arc(0.508, 0.742, 'zone-warn'), arc(0.758, 0.995, 'zone-bad'),
               known && svg('line', {class: 'gauge-needle', x1: 100, y1: 96, x2: x, y2: y}),
               known && svg('circle', {class: 'gauge-hub', cx: 100, cy: 96, r: 5})),
           h('p', {class: 'gauge-text'}, text));
}
