"use strict";
// Folds and unfolds everything, and switches the theme. The page reads the same without it.
(() => {
  const root = document.documentElement;
  const folds = document.getElementById("folds");
  folds.addEventListener("click", () => {
    const open = folds.getAttribute("aria-pressed") !== "true";
    document.querySelectorAll("details").forEach((item) => { item.open = open; });
    folds.setAttribute("aria-pressed", String(open));
    folds.textContent = open ? "Fold all" : "Unfold all";
  });
  document.getElementById("theme").addEventListener("click", () => {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  });
})();
