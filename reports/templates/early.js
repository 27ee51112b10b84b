"use strict";
// Before anything is drawn: what scripts will hide is never laid out, and no theme flashes by.
document.documentElement.classList.add("scripted");
try {
  const theme = localStorage.getItem("hil-theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* not allowed: the system's theme */ }
