// Runs before the first paint, so that a chosen theme does not flash. src/ui/theme.ts writes what is read here.
try {
  const theme = localStorage.getItem("octoporty.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; the system's choice stays.
}
