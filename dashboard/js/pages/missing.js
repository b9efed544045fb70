// What an address shows that no page has.
import {empty} from '../components/basics.js';
import {h} from '../dom.js';
import {href} from '../router.js';

export function missing_page() {
  function render() {
    return h('div', {class: 'page', key: 'missing'},
      h('div', {class: 'page-head'}, h('h1', {}, 'No such page')),
      h('div', {class: 'panel'}, empty('Nothing has this address', h('span', {class: 'mono wrap', id: 'missing-address'}, location.hash.replace(/^#/, '')),
        ' is no page of this dashboard. ', h('a', {href: href('overview'), id: 'missing-home'}, 'Go to the overview'), '.')));
  }

  return {title: 'No such page', render};
}
