// Copying, also where the asynchronous clipboard does not exist (plain http on another machine's address).

export async function copy_text(text) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Permission refused: the old way may still work.
    }
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden-visually';
  area.setAttribute('aria-hidden', 'true');
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  let done = false;
  try {
    done = document.execCommand('copy');
  } catch {
    done = false;
  }
  area.remove();
  focused?.focus?.();
  return done;
}
