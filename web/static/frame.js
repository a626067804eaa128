// The frame: menus that close, dialogs that open, toasts. Every page works without it.
"use strict";
(() => {
  const opened = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of opened()) if (!menu.contains(event.target)) menu.open = false;
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (dialog && dialog.showModal) { event.preventDefault(); dialog.showModal(); }
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) { const dialog = closer.closest("dialog"); if (dialog) dialog.close(); }
  });
  // A choice that is a filter takes effect at once; without this script its form has a button.
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submits]")) event.target.form.submit();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of opened()) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  const tray = document.getElementById("toasts");
  // yanpiao.toast("saved", { href, label, seconds }): a sentence that goes away by itself.
  const toast = (text, { href = "", label = "", seconds = 6 } = {}) => {
    const note = document.createElement("div");
    note.className = "toast";
    const words = document.createElement("span");
    words.textContent = text;
    note.append(words);
    if (href) {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = label || href;
      note.append(link);
    }
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "×";
    close.setAttribute("aria-label", tray.dataset.close);
    close.addEventListener("click", () => note.remove());
    note.append(close);
    tray.append(note);
    setTimeout(() => note.remove(), seconds * 1000);
  };
  window.yanpiao = { toast };
  // A server's answer may carry HX-Trigger: {"toast": {"text": "..."}}.
  document.addEventListener("toast", (event) => toast(event.detail.text || event.detail.value || ""));
})();
