// Light, dark, or as the system has it. The choice is the visitor's and stays in this browser.

export type Theme = "system" | "light" | "dark";

const ENTRY = "analytics-theme";

export function chosenTheme(): Theme {
  const kept = localStorage.getItem(ENTRY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function applyTheme(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(ENTRY);
  else localStorage.setItem(ENTRY, theme);
  applyTheme(theme);
  dispatchEvent(new Event("themechange"));
}
