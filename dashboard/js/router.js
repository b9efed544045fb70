// The URL hash holds page and selection: #/runs?agent=a, #/runs/<run id>?tab=events. A path, as in the links of
// alerts (/runs/<run id>), becomes the same.

export function href(page, id, query) {
  const path = id === undefined || id === null ? `#/${page}` : `#/${page}/${encodeURIComponent(id)}`;
  const params = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value !== '' && value != null));
  return params.size > 0 ? `${path}?${params}` : path;
}

export const run_href = (run_id, query) => href('runs', run_id, query);

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;  // a stray % in a hand-made link
  }
}

export function parse(hash) {
  const [path, search = ''] = split_once(hash.replace(/^#\/?/, ''), '?');
  const [page, id] = split_once(path, '/');
  return {page: page || 'overview', id: id ? decode(id) : null, query: new URLSearchParams(search)};
}

function split_once(text, mark) {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

export function start_router(on_route) {
  // A path is the entrance only; from here on the hash counts.
  const entrance = location.pathname.replace(/^\/+|\/+$/g, '');
  if (entrance && location.hash) history.replaceState(null, '', `/${location.hash}`);
  else if (entrance && entrance !== 'index.html') history.replaceState(null, '', `/#/${entrance}${location.search}`);
  window.addEventListener('hashchange', () => on_route(parse(location.hash)));
  return parse(location.hash);
}

// Changes the selection of the page that is open, without a step in the history.
export function replace_query(route, changes) {
  const query = Object.fromEntries(route.query);
  history.replaceState(null, '', href(route.page, route.id, {...query, ...changes}));
  return parse(location.hash);
}
