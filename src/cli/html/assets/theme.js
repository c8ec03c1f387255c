// Light or dark: as the system has it until somebody chooses, who is remembered where the browser allows it.
"use strict";
(() => {
  const root = document.documentElement;
  const key = "safelight-theme";
  root.classList.add("js");

  const stored = () => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // Pages from disk may have no storage.
    }
  };
  const store = (theme) => {
    try {
      localStorage.setItem(key, theme);
    } catch {
      // Then it holds for this visit.
    }
  };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";

  const known = stored();
  if (known === "dark" || known === "light") root.dataset.theme = known;

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const show = () => {
      button.textContent = dark() ? "Light" : "Dark";
      button.setAttribute("aria-label", dark() ? "Use light colours" : "Use dark colours");
      dispatchEvent(new Event("themechange"));
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      store(root.dataset.theme);
      show();
    });
    system.addEventListener("change", show);
    show();
  });
})();
