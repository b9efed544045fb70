// Small parts every page is made of: pills, meters, panels, buttons, icons, empty states.
import {copy_text} from '../clipboard.js';
import {h, svg} from '../dom.js';
import {kSeverities, percent, risk_tone, type_label} from '../format.js';

const kIcons = {
  overview: 'M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z',
  runs: 'M3 5h14M3 10h14M3 15h9',
  alerts: 'M10 3l7.5 13.5h-15zM10 8v4M10 14.2v.3',
  detectors: 'M3 6h9M16 6h1M3 14h2M9 14h8M14 3.8a2.2 2.2 0 100 4.4 2.2 2.2 0 000-4.4zM7 11.8a2.2 2.2 0 100 4.4 2.2 2.2 0 000-4.4z',
  menu: 'M3 5h14M3 10h14M3 15h14',
  close: 'M5 5l10 10M15 5L5 15',
  sun: 'M10 6.5a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM10 1.8v1.9M10 16.3v1.9M1.8 10h1.9M16.3 10h1.9M4.2 4.2l1.3 1.3M14.5 14.5l1.3 1.3M4.2 15.8l1.3-1.3M14.5 5.5l1.3-1.3',
  moon: 'M16.5 12.2A7 7 0 017.8 3.5a7 7 0 108.7 8.7z',
  info: 'M10 2.5a7.5 7.5 0 100 15 7.5 7.5 0 000-15zM10 9v4.5M10 6.3v.3',
  copy: 'M7 7h9v9H7zM13 7V4H4v9h3',
  check: 'M4 10.5l4 4 8-9',
  back: 'M12 4l-6 6 6 6',
  chevron: 'M7 4l6 6-6 6',
  loop: 'M15.5 8A6 6 0 104 11M15.5 3.5V8H11',
};

export function icon(name) {
  return svg('svg', {class: 'icon', viewBox: '0 0 20 20', 'aria-hidden': 'true', focusable: 'false'},
             svg('path', {d: kIcons[name]}));
}

// The tone class of a severity; null is a clean run.
export function severity_class(severity) {
  return severity === null ? 'sev-clean' : kSeverities.includes(severity) ? `sev-${severity.toLowerCase()}` : 'sev-unknown';
}

// Explanations put names in backticks; they become code. An odd backtick stays as it is.
export function prose(text) {
  const parts = String(text ?? '').split(/`([^`]+)`/);
  return parts.map((part, i) => i % 2 === 1 ? h('code', {}, part) : part);
}

export function severity_pill(severity) {
  return h('span', {class: `pill ${severity_class(severity)}`}, severity ?? 'CLEAN');
}

// `failures`: of the API, detectors that had no say about a run.
export function incomplete_pill(failures) {
  const names = failures.some((one) => one.detector === 'host') ? 'Not judged' : `Judged without ${failures.map((one) => one.detector).join(', ')}`;
  return h('span', {class: 'pill tone-quiet', title: names}, 'INCOMPLETE');
}

export function type_chip(type, severity) {
  return h('span', {class: `chip ${severity_class(severity)}`, title: type}, type_label(type));
}

export function confidence_meter(confidence) {
  return h('span', {class: `meter tone-${risk_tone(confidence)}`, vars: {share: percent(confidence)}},
           h('span', {class: 'meter-track', 'aria-hidden': 'true'}, h('span', {class: 'meter-fill'})),
           h('span', {class: 'meter-text'}, percent(confidence)));
}

export function panel(title, {id, aside, class: extra = '', note} = {}, ...children) {
  return h('section', {class: `panel ${extra}`, 'aria-labelledby': `${id}-title`, id},
           h('header', {class: 'panel-head'}, h('h2', {id: `${id}-title`}, title), aside && h('div', {class: 'panel-aside'}, aside)),
           note && h('p', {class: 'panel-note'}, note),
           h('div', {class: 'panel-body'}, ...children));
}

export function empty(title, ...text) {
  return h('div', {class: 'empty'}, h('p', {class: 'empty-title'}, title), text.length > 0 && h('p', {class: 'empty-text'}, ...text));
}

export function info_button(id, label, text) {
  const close = (event) => { if (event.key === 'Escape') event.currentTarget.blur(); };
  return h('span', {class: 'info'},
           h('button', {type: 'button', class: 'info-button', 'aria-label': `What “${label}” means`, 'aria-describedby': id, on: {keydown: close}},
             icon('info')),
           h('span', {class: 'tooltip', role: 'tooltip', id}, text));
}

// Says what happened on the button itself and to screen readers.
export function copy_button(text, label = 'Copy') {
  async function click(event) {
    const button = event.currentTarget;
    const done = await copy_text(text);
    button.dataset.state = done ? 'done' : 'failed';
    document.getElementById('announce').textContent = done ? 'Copied to the clipboard' : 'Copying failed; select the text instead';
    clearTimeout(button.dune_timer);
    button.dune_timer = setTimeout(() => delete button.dataset.state, 1800);
  }
  return h('button', {type: 'button', class: 'button copy', on: {click}},
           icon('copy'), h('span', {class: 'copy-idle'}, label), h('span', {class: 'copy-done', 'aria-hidden': 'true'}, 'Copied'),
           h('span', {class: 'copy-failed', 'aria-hidden': 'true'}, 'Failed'));
}

export function code_block(code, language) {
  return h('div', {class: language === 'text' || !language ? 'code code-text' : 'code'},
           h('div', {class: 'code-head'}, h('span', {class: 'code-language'}, language || 'text'), copy_button(code)),
           h('pre', {tabindex: 0, 'aria-label': `${language || 'text'} code`}, h('code', {}, code)));
}

export function segmented(label, options, selected, choose) {
  return h('div', {class: 'segmented', role: 'group', 'aria-label': label},
           options.map(([value, text]) => h('button', {
             type: 'button', key: value, 'aria-pressed': String(value === selected), on: {click: () => choose(value)},
           }, text)));
}
