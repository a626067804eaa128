// A better picture: while it goes up the form says so, and a second click sends nothing twice.
// The form works without this script.
"use strict";
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches(".better")) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  const button = form.querySelector("button[type=submit]");
  button.setAttribute("aria-busy", "true");
  button.querySelector("span").textContent = form.dataset.busy;
});
// The browser's way back shows the page as it was left: the form may be sent again.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
