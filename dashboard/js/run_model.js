// A run's events as the detail page reads them: pairs, loops, and one node per step. Pure; events come in replay order.
import {cut, kNone, milliseconds, number, plural} from './format.js';

const kLoopCalls = 3;  // the same tool with the same arguments this often is a loop
const kLabel = 8;

// index of tool.responded → index of its tool.called: by tool name, then by step, then the most recent.
function pair_tools(events) {
  const open = [];
  const pairs = new Map();
  events.forEach((event, at) => {
    if (event.event_type === 'tool.called') open.push(at);
    if (event.event_type !== 'tool.responded' || event.payload?.success == null) return;
    const name = event.payload.tool_name;
    const match = (test) => open.findLastIndex((call) => test(events[call]));
    let found = name ? match((call) => (call.payload?.tool_name ?? 'unknown') === name) : -1;
    if (found < 0) found = match((call) => call.step_index === event.step_index);
    if (found < 0 && !name) found = open.length - 1;
    if (found >= 0) pairs.set(at, open.splice(found, 1)[0]);
  });
  return pairs;
}

function looping_calls(events) {
  const calls = new Map();
  events.forEach((event, at) => {
    if (event.event_type !== 'tool.called') return;
    const key = JSON.stringify([event.payload?.tool_name, event.payload?.args_hash]);
    if (!calls.has(key)) calls.set(key, []);
    calls.get(key).push(at);
  });
  return new Set([...calls.values()].filter((list) => list.length >= kLoopCalls).flat());
}

// [{step, label, detail, tone: bad|llm|ok|edge, loop, failed, title}], in step order.
export function timeline(events) {
  const pairs = pair_tools(events);
  const loops = looping_calls(events);
  const failed = new Set();
  for (const [answer, call] of pairs) {
    if (events[answer].payload.success === false) failed.add(answer).add(call);
    if (loops.has(call)) loops.add(answer);
  }
  const steps = new Map();
  events.forEach((event, at) => {
    const step = steps.get(event.step_index) ?? [];
    steps.set(event.step_index, step);
    step.push({event, loop: loops.has(at), failed: failed.has(at)});
  });
  return [...steps].sort((a, b) => a[0] - b[0]).map(([step, entries]) => node(step, entries));
}

function node(step, entries) {
  const find = (...types) => entries.find(({event}) => types.includes(event.event_type))?.event;
  const loop = entries.some((entry) => entry.loop);
  const bad = entries.some((entry) => entry.failed) || loop || Boolean(find('run.errored'));
  const tool = find('tool.called', 'tool.responded');
  const llm = find('llm.called', 'llm.responded');
  const base = {step, loop, failed: entries.some((entry) => entry.failed),
                title: entries.map(({event}) => `${event.event_type}: ${summary(event)}`).join('\n')};
  if (tool) {
    const name = tool.payload?.tool_name || 'unknown';
    return {...base, label: cut(name, kLabel), detail: find('tool.called') ? 'tool' : 'result', tone: bad ? 'bad' : 'ok'};
  }
  if (llm) {
    const prompt = find('llm.called')?.payload?.prompt_tokens || find('llm.responded')?.payload?.prompt_tokens;
    const reason = find('llm.responded')?.payload?.finish_reason;
    return {...base, label: 'LLM', detail: prompt ? `${number(prompt)} tk` : reason || 'call', tone: bad ? 'bad' : 'llm'};
  }
  if (find('run.started')) return {...base, label: 'START', detail: '', tone: 'edge'};
  if (find('run.completed', 'run.errored')) {
    return {...base, label: 'END', detail: find('run.errored') ? 'error' : '', tone: bad ? 'bad' : 'edge'};
  }
  const other = entries[0].event;
  const label = other.payload?.index_name ?? other.payload?.signal_name ?? other.payload?.policy_name ?? other.event_type;
  return {...base, label: cut(label, kLabel), detail: other.event_type.split('.')[0], tone: 'ok'};
}

// ok, failed, or the finish reason; what colour it has.
export function status_of(event) {
  const payload = event.payload ?? {};
  switch (event.event_type) {
    case 'tool.responded':
      return payload.success === false ? {text: 'failed', tone: 'bad'}
          : payload.success === true ? {text: 'ok', tone: 'good'} : {text: kNone, tone: ''};
    case 'llm.responded':
      return {text: text_of(payload.finish_reason) || kNone,
              tone: ['length', 'max_tokens', 'error', 'content_filter'].includes(payload.finish_reason) ? 'warn' : 'good'};
    case 'retrieval.responded':
      return payload.error_hash ? {text: 'failed', tone: 'bad'}
          : payload.result_count > 0 ? {text: 'ok', tone: 'good'} : {text: 'empty', tone: 'warn'};
    case 'run.completed':
      return {text: text_of(payload.exit_reason) || 'completed', tone: 'good'};
    case 'run.errored':
      return {text: text_of(payload.exit_reason) || 'failed', tone: 'bad'};
    default:
      return {text: '', tone: ''};
  }
}

function text_of(value) {
  return value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const kSummary = [
  ['model', (v) => v], ['tool_name', (v) => v], ['index_name', (v) => v], ['signal_name', (v) => v], ['source', (v) => v],
  ['policy_name', (v) => v], ['action_type', (v) => v], ['error_type', (v) => v],
  ['tools', (v) => Array.isArray(v) && v.length > 0 ? `${v.length} tools` : ''],
  ['prompt_tokens', (v) => `${number(v)} prompt tk`], ['completion_tokens', (v) => `${number(v)} completion tk`],
  ['latency_ms', (v) => milliseconds(v)], ['output_length', (v) => `${number(v)} chars`],
  ['result_count', (v) => `${number(v)} results`], ['top_score', (v) => `score ${v}`], ['total_steps', (v) => `${number(v)} steps`],
  ['input_hash', (v) => `input ${cut(v, 9)}`], ['args_hash', (v) => `args ${cut(v, 9)}`], ['output_hash', (v) => `output ${cut(v, 9)}`],
  ['query_hash', (v) => `query ${cut(v, 9)}`], ['error_hash', (v) => `error ${cut(v, 9)}`],
];

export function summary(event) {
  const payload = event.payload ?? {};
  const parts = kSummary.filter(([name]) => payload[name] !== undefined && payload[name] !== null && payload[name] !== '')
      .map(([name, text]) => text(payload[name])).map(text_of).filter((text) => text && text !== kNone);
  return cut(parts.join(' · '), 240);
}

// Retention removes the events of a run and keeps what was found in it.
export function removed_text(run) {
  const after = run.event_retention_days ? ` after ${plural(run.event_retention_days, 'day')}` : '';
  return run.events.length === 0 ? `The events of this run were removed${after}.`
                                 : `Some events of this run were removed${after}; the others are shown.`;
}
