// Runs before the first paint, so that a remembered theme does not flash the other one. Not a module for that reason.
(function () {
  try {
    const theme = localStorage.getItem('dunetrace.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is blocked: the system's preference decides.
  }
})();
