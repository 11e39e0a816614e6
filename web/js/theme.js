/** Light or dark: the system's until the operator chooses, then the choice. */

const KEY = 'voicebridge.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

/** @returns {'light' | 'dark'} */
export function theme() {
  const chosen = document.documentElement.dataset['theme'];
  if (chosen === 'light' || chosen === 'dark') return chosen;
  return system.matches ? 'dark' : 'light';
}

export function toggleTheme() {
  const next = theme() === 'dark' ? 'light' : 'dark';
  document.documentElement.dataset['theme'] = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Not kept, then.
  }
  dispatchEvent(new Event('themechange'));
}

/** Tells of every change, the system's included: canvases do not follow style sheets by themselves. @param {() => void} changed */
export function onTheme(changed) {
  addEventListener('themechange', changed);
  system.addEventListener('change', changed);
  return () => {
    removeEventListener('themechange', changed);
    system.removeEventListener('change', changed);
  };
}
