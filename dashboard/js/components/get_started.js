// What an empty installation shows: the shortest way to a first run, with a call that works as it is.
import {h} from '../dom.js';
import {code_block} from './basics.js';

// Five equal tool calls: enough for a first named failure. Without a timestamp the server's time counts.
export function example_call(ingest_base) {
  const event = (type, step, payload) => JSON.stringify({
    event_type: type, run_id: 'first-run', agent_id: 'my-agent', agent_version: 'v1', step_index: step, payload,
  });
  const events = [
    event('run.started', 0, {model: 'gpt-4o', tools: ['web_search']}),
    ...[1, 2, 3, 4, 5].map((step) => event('tool.called', step, {tool_name: 'web_search', args_hash: '3b7b5a17b6341261'})),
    event('run.completed', 5, {exit_reason: 'final_answer'}),
  ];
  return `curl -sS ${ingest_base}/v1/ingest -H 'Content-Type: application/json' -d '{"agent_id": "my-agent", "events": [\n  ${events.join(',\n  ')}\n]}'`;
}

export function get_started(api) {
  return h('section', {class: 'panel start', 'aria-labelledby': 'start-title'},
    h('header', {class: 'start-head'},
      h('h2', {id: 'start-title'}, 'No agent has reported yet'),
      h('p', {}, 'Agents post their events to ', h('code', {class: 'wrap'}, `${api.ingest_base}/v1/ingest`),
        '. This page fills by itself as soon as the first run has ended.')),
    h('ol', {class: 'start-steps'},
      h('li', {},
        h('h3', {}, 'Send a first run'),
        h('p', {}, 'Paste this into a terminal. The run calls one tool five times and gets nowhere, so a named failure should follow within a second.'),
        code_block(example_call(api.ingest_base), 'shell')),
      h('li', {},
        h('h3', {}, 'Or watch the demo'),
        h('p', {}, 'A handful of believable agents, some healthy, together showing every failure type, in under 15 seconds.'),
        code_block('dunetrace demo', 'shell')),
      h('li', {},
        h('h3', {}, 'Then connect your own agent'),
        h('p', {}, 'Send the same kind of events from your code: one ', h('code', {}, 'run.started'), ', the model and tool calls as they happen, one ',
          h('code', {}, 'run.completed'), '. Send hashes and lengths; prompts and outputs stay with you.'))));
}
