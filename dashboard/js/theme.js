// Dark or light: the system's preference until the user chooses; the choice is remembered.
const kKey = 'dunetrace.theme';
const prefers_light = window.matchMedia('(prefers-color-scheme: light)');

export function current_theme() {
  return document.documentElement.dataset.theme ?? (prefers_light.matches ? 'light' : 'dark');
}

export function toggle_theme() {
  const theme = current_theme() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(kKey, theme);
  } catch {
    // Storage is blocked: the choice lasts as long as the page.
  }
  return theme;
}

export function on_system_theme(listener) {
  prefers_light.addEventListener('change', listener);
}
