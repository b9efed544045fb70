// The execution timeline: one node per step, in order, wrapping like text so that a whole run can be seen at once.
import {h} from '../dom.js';
import {number, plural} from '../format.js';
import {run_href} from '../router.js';
import {timeline} from '../run_model.js';
import {icon, panel} from './basics.js';

const kNodes = 240;  // more are shown on request; a run may have thousands of steps

const kLegend = [['bad', 'looping or failed'], ['llm', 'model call'], ['ok', 'ok'], ['edge', 'start, end']];

function step_node(node, run_id) {
  const state = [node.loop && 'part of a loop', node.failed && 'failed'].filter(Boolean).join(', ');
  return h('li', {key: node.step, class: `node node-${node.tone}`},
    h('a', {href: run_href(run_id, {tab: 'events', step: node.step}), title: node.title,
            'aria-label': `Step ${node.step}: ${node.label} ${node.detail}${state ? `, ${state}` : ''}`},
      h('span', {class: 'node-step'}, node.step, node.loop && h('span', {class: 'node-loop', title: 'the same call three times or more'}, icon('loop'))),
      h('span', {class: 'node-label'}, node.label),
      h('span', {class: 'node-detail'}, node.failed && node.detail !== 'error' ? `${node.detail} ✕` : node.detail || '\u00a0')));
}

export function timeline_panel(events, {all, show_all, run_id}) {
  const nodes = timeline(events);
  const shown = all ? nodes : nodes.slice(0, kNodes);
  const legend = h('span', {class: 'legend'}, kLegend.map(([tone, text]) => h('span', {class: `legend-item node-${tone}`}, text)));
  return panel('Execution timeline', {id: 'timeline', aside: legend},
    h('ol', {class: 'nodes', 'aria-label': plural(nodes.length, 'step')}, shown.map((node) => step_node(node, run_id))),
    shown.length < nodes.length && h('button', {type: 'button', class: 'button', on: {click: show_all}}, `Show all ${number(nodes.length)} steps`));
}
