// A classic script: modules run only after the first paint, which would then show the other theme for a moment.
{
  let theme = null;
  try {
    theme = localStorage.getItem('voicebridge.theme');
  } catch {
    // Storage is switched off: the system's theme is shown.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
}
