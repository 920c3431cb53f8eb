// Light or dark: as the system has it, unless the visitor has chosen.
export type Theme = "light" | "dark";

const KEY = "theme";

export function chosenTheme(): Theme | undefined {
  const chosen = localStorage.getItem(KEY);
  return chosen === "light" || chosen === "dark" ? chosen : undefined;
}

export function systemTheme(): Theme {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function choose(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  document.documentElement.dataset["theme"] = theme;
}

const chosen = chosenTheme();
if (chosen !== undefined) document.documentElement.dataset["theme"] = chosen;
