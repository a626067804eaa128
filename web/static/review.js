// The desk by keyboard: rows, deeds, picture. Every page works without it.
"use strict";
(() => {
  const $ = (what, from = document) => from.querySelector(what);
  const all = (what, from = document) => [...from.querySelectorAll(what)];
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog[open]");

  const box = $("#all");
  if (box) box.addEventListener("change", () => all("[name=chosen]").forEach((one) => { one.checked = box.checked; }));

  // An opened menu of the deeds' bar must not be cut off by it.
  document.addEventListener("toggle", (event) => {
    const bar = event.target.closest ? event.target.closest(".deeds") : null;
    if (bar) bar.classList.toggle("open", Boolean($("details[open]", bar)));
  }, true);

  const rows = all(".value");
  const viewer = $(".viewer");
  let at = -1;

  // -- the picture: zoom and pan ----------------------------------------------------------
  let scale = 1, x = 0, y = 0;
  const stage = () => $(".stage");
  const place = () => { const here = stage(); if (here) here.style.transform = `translate(${x}px, ${y}px) scale(${scale})`; };
  const zoom = (factor, cx, cy) => {
    const before = scale;
    scale = Math.min(8, Math.max(1, scale * factor));
    x = cx - (cx - x) * scale / before; y = cy - (cy - y) * scale / before;
    if (scale === 1) { x = 0; y = 0; }
    place();
  };
  const middle = (factor) => zoom(factor, viewer.clientWidth / 2, viewer.clientHeight / 2);
  const fit = () => { scale = 1; x = 0; y = 0; place(); };
  const light = (name) => {
    all("rect.lit").forEach((one) => one.classList.remove("lit"));
    const rect = all("rect[data-field]").find((one) => one.dataset.field === name);
    if (!rect) return;
    rect.classList.add("lit");
    const figure = rect.closest("figure");
    const value = (of) => Number(rect.getAttribute(of)) / 1000;
    const cx = (value("x") + value("width") / 2) * figure.offsetWidth;
    const cy = figure.offsetTop + (value("y") + value("height") / 2) * figure.offsetHeight;
    if (scale === 1 && window.innerWidth > 899) scale = Math.min(2.2, Math.max(1.4, 0.5 / Math.max(value("width"), 0.05)));
    x = Math.min(0, viewer.clientWidth / 2 - cx * scale);
    x = Math.max(x, viewer.clientWidth - figure.offsetWidth * scale);
    y = Math.min(0, viewer.clientHeight / 2 - cy * scale);
    if (scale === 1) { x = 0; y = Math.min(0, Math.max(y, viewer.clientHeight - stage().offsetHeight)); }
    place();
  };
  if (viewer) {
    viewer.addEventListener("wheel", (event) => {
      if (!stage()) return;
      event.preventDefault();
      const frame = viewer.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - frame.left, event.clientY - frame.top);
    }, { passive: false });
    const fingers = new Map();
    let spread = 0;
    viewer.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button")) return;
      fingers.set(event.pointerId, event);
      viewer.setPointerCapture(event.pointerId);
    });
    viewer.addEventListener("pointermove", (event) => {
      const last = fingers.get(event.pointerId);
      if (!last) return;
      fingers.set(event.pointerId, event);
      if (fingers.size === 2) {
        const [one, two] = [...fingers.values()];
        const now = Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
        const frame = viewer.getBoundingClientRect();
        if (spread) zoom(now / spread, (one.clientX + two.clientX) / 2 - frame.left, (one.clientY + two.clientY) / 2 - frame.top);
        spread = now;
      } else { x += event.clientX - last.clientX; y += event.clientY - last.clientY; place(); }
    });
    const lift = (event) => { fingers.delete(event.pointerId); spread = 0; };
    viewer.addEventListener("pointerup", lift);
    viewer.addEventListener("pointercancel", lift);
    viewer.addEventListener("click", (event) => {
      const button = event.target.closest("[data-zoom]");
      if (button) ({ in: () => middle(1.4), out: () => middle(1 / 1.4), fit })[button.dataset.zoom]();
    });
  }

  // -- rows --------------------------------------------------------------------------------
  const go = (to) => {
    if (!rows.length) return;
    at = (to + rows.length) % rows.length;
    rows.forEach((row, number) => row.classList.toggle("here", number === at));
    rows[at].focus({ preventScroll: true });
    rows[at].scrollIntoView({ block: "nearest" });
    light(rows[at].dataset.field);
    all("[data-about]").forEach((one) => one.classList.toggle("here", one.dataset.about === rows[at].dataset.field));
  };
  const start = () => Math.max(rows.findIndex((row) => row.matches(".differs, .doubtful, .unreadable")), 0);
  rows.forEach((row, number) => row.addEventListener("click", (event) => { if (!event.target.closest("details, a, input")) go(number); }));
  // The browser tells of an opened part only later, and whoever types goes on at once: the keys
  // must find the field ready, or they would be taken for deeds.
  const ready = (pencil) => {
    const input = $("input", pencil);
    if (document.activeElement === input) return;
    if (!input.value) input.value = input.dataset.now;
    at = rows.indexOf(pencil.closest(".value"));
    light(rows[at].dataset.field);
    input.focus(); input.select();
  };
  const edit = () => {
    if (at < 0) go(start());
    const pencil = rows[at] && $("details.edit", rows[at]);
    if (!pencil) return;
    pencil.open = true;
    ready(pencil);
  };
  all("details.edit").forEach((pencil) => {
    const input = $("input", pencil);
    pencil.addEventListener("toggle", () => {
      if (pencil.open) ready(pencil); else input.value = "";
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); pencil.open = false; go(at); }
    });
  });

  // -- deeds -------------------------------------------------------------------------------
  const opened = () => $("details.deed[open]");
  const alone = (one) => {
    all("details.deed[open]").forEach((other) => { if (other !== one) other.open = false; });
    const first = $("textarea, select", one);
    if (first && !typing(document.activeElement)) first.focus();
  };
  all("details.deed").forEach((one) => one.addEventListener("toggle", () => { if (one.open) alone(one); }));
  let sent = false;
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    // Where reading was sure of everything, there is something to send only once it was corrected.
    const sure = event.target.id === "confirm" && "sure" in event.target.dataset;
    if (sure && !all("details.edit[open] input", event.target).some((one) => one.value.trim())) { event.preventDefault(); edit(); return; }
    if (sent) event.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 4000);
  });
  const choose = (number) => {
    const form = opened() && $("form", opened());
    const button = form && all("button[name=reason]", form)[number - 1];
    if (!button) return false;
    const words = $("input[name=text]", button.parentElement);
    if (button.closest(".own") && words && !words.value) words.focus(); else button.click();
    return true;
  };
  const press = (key) => {
    if (key === "u" && $("#undo-done")) { $("#undo-done").requestSubmit(); return true; }
    const one = $(`[data-key="${CSS.escape(key)}"]`);
    if (!one) return false;
    if (!one.matches("details")) one.requestSubmit();
    else { one.open = !one.open; if (one.open) alone(one); }
    return true;
  };
  const moves = {
    j: () => go(at + 1), ArrowDown: () => go(at + 1), k: () => go(at - 1), ArrowUp: () => go(at - 1),
    e: edit, "+": () => middle(1.4), "=": () => middle(1.4), "-": () => middle(1 / 1.4), 0: fit,
    "?": () => { const help = $("#help"); if (help) help.showModal(); },
    Enter: () => { const next = $("#next"); if (next) next.click(); },
    Escape: () => { const one = opened(); if (one) { one.open = false; $("summary", one).focus(); } },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape" && opened()) { moves.Escape(); return; }
    if (typing(event.target)) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    if (/^[1-9]$/.test(event.key) && opened()) { if (choose(Number(event.key))) event.preventDefault(); return; }
    if (event.key.startsWith("Arrow") && !rows.length) return;
    const move = viewer || event.key === "Enter" ? moves[event.key] : null;
    if (move) { if (event.key !== "Enter" || $("#next")) event.preventDefault(); move(); return; }
    if (press(event.key)) event.preventDefault();
  });

  // -- where one begins ----------------------------------------------------------------------
  if (rows.length && viewer) {
    const begin = () => { const typedIn = $("details.edit[open] input"); if (typedIn) typedIn.focus(); else go(start()); };
    if (window.innerWidth > 899) { begin(); window.addEventListener("load", () => { if (at >= 0) light(rows[at].dataset.field); }); }
    document.addEventListener("htmx:afterSwap", () => { if (at >= 0) light(rows[at].dataset.field); });
  }
})();
