// SPDX-License-Identifier: MIT
// Sets the colours that were chosen before the page is first painted. Not a module for that reason.
"use strict";
(() => {
  try {
    const theme = localStorage.getItem("phoenix-theme");
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // No storage: the colours of the system.
  }
})();
