// What the detectors found in one run, why, and what to do: signal cards and the explanation.
import {h} from '../dom.js';
import {type_label} from '../format.js';
import {code_block, confidence_meter, empty, icon, panel, prose, severity_class, severity_pill} from './basics.js';

// Step and failure type of a signal identify it within a run.
const key_of = (signal) => signal.id ?? signal.failure_type;

export function explanation(run) {
  const {top} = run;
  if (!top) {
    return panel('Why nothing triggered', {id: 'why', class: 'why'}, run.exit_reason
      ? run.incomplete.length > 0
        ? empty('Nothing was found by those who looked', 'Not every detector had its say about this run; the note above names who is missing.')
        : empty('No detector found anything', 'The run was replayed step by step and no live detector fired.')
      : empty('Not judged yet', 'Detectors look at a run once it has ended, or after 90 seconds of silence.'));
  }
  const fix = top.suggested_fixes?.[0];
  return panel('Why this triggered', {id: 'why', class: 'why'},
    h('p', {class: 'why-title'}, prose(top.title || type_label(top.failure_type))),
    h('p', {class: 'why-what', id: 'why-what'}, prose(top.what || 'No explanation could be built for this signal; its evidence is on the card.')),
    top.why_it_matters && h('p', {class: 'why-matters'}, h('b', {}, 'Why it matters '), prose(top.why_it_matters)),
    h('h3', {}, run.live.length > 1 ? 'Evidence of all signals' : 'Evidence'),
    h('ul', {class: 'why-evidence'}, run.live.map((signal) => h('li', {key: key_of(signal), class: severity_class(signal.severity)},
      run.live.length > 1 && h('b', {}, `${type_label(signal.failure_type)}: `), prose(signal.evidence_summary || 'no summary')))),
    fix && [h('h3', {}, 'Suggested fix'), h('p', {class: 'fix-text'}, prose(fix.description)), fix.code && code_block(fix.code, fix.language)]);
}

export function signal_cards(run) {
  if (run.live.length === 0) return null;
  return h('section', {class: 'cards', 'aria-label': 'Signals', id: 'signals'}, run.live.map(card));
}

export function shadow_cards(run) {
  return h('section', {class: 'shadow', id: 'shadow', 'aria-labelledby': 'shadow-title', key: 'shadow'},
    h('header', {class: 'shadow-head'}, h('h2', {id: 'shadow-title'}, 'Stored, not alerted'), h('span', {class: 'pill pill-shadow'}, 'SHADOW')),
    h('p', {class: 'shadow-hint'}, 'Found by detectors on probation. They count neither for the risk nor for alerts.'),
    h('div', {class: 'cards'}, run.shadow.map(card)));
}

function card(signal) {
  const fixes = signal.suggested_fixes ?? [];
  return h('article', {class: `card ${severity_class(signal.severity)}`, key: key_of(signal)},
    h('header', {class: 'card-head'},
      h('h3', {title: signal.failure_type}, type_label(signal.failure_type)), severity_pill(signal.severity)),
    h('div', {class: 'card-meter'}, h('span', {class: 'card-meter-label'}, 'Confidence'), confidence_meter(signal.confidence),
      h('span', {class: 'card-step'}, `step ${signal.step_index}`)),
    signal.co_signal_count >= 2 && h('p', {class: 'boost'}, icon('alerts'), `confidence boosted · ${signal.co_signal_count} co-occurring signals`),
    h('p', {class: 'card-text'}, prose(signal.evidence_summary || signal.title)),
    fixes.length > 0 && h('details', {class: 'more-box', key: 'fixes'},
      h('summary', {}, fixes.length === 1 ? 'Suggested fix' : `All ${fixes.length} suggested fixes`),
      h('ol', {class: 'fixes'}, fixes.map((fix, i) => h('li', {key: i}, h('p', {class: 'fix-text'}, prose(fix.description)),
                                                        fix.code && code_block(fix.code, fix.language))))),
    h('details', {class: 'more-box', key: 'evidence'}, h('summary', {}, 'Evidence values'), evidence_list(signal.evidence ?? {})));
}

function evidence_list(evidence) {
  const entries = Object.entries(evidence);
  if (entries.length === 0) return h('p', {class: 'quiet'}, 'No evidence was stored.');
  return h('dl', {class: 'evidence'}, entries.map(([name, value]) => h('div', {key: name}, h('dt', {}, name),
    h('dd', {}, value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value)))));
}
