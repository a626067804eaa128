// Another file in a document's place goes up in pieces, like those of a new claim. The form works
// without this script, and so does the way back to a page whose upload was under way.
"use strict";
(() => {
  const { carry, kept, recall, forget, say, mebi, percent, sending, why } = window.yanpiao.sending;
  const part = document.getElementById("part");
  let item = null;

  const shown = (form, text, kind = "") => {
    const going = form.querySelector(".going");
    going.className = "going " + kind;
    going.textContent = text;
    const bar = form.querySelector("progress");
    bar.hidden = !item;
    if (item) { bar.value = percent(item); bar.setAttribute("aria-label", item.file.name); }
    form.querySelector("button[type=submit]").disabled = !!item;
    form.querySelector("input[type=file]").disabled = !!item;
    // While it goes up, nothing else draws the form anew (live.js).
    form.classList.toggle("busy", !!item);
  };
  const send = async (form, file, transfer) => {
    if (item) return;
    const limit = Number(form.dataset.limit), replaces = form.dataset.replaces;
    if (file.size > limit) { shown(form, say("too_large", { limit: mebi(limit) }), "bad"); return; }
    item = { file, replaces, transfer: transfer || recall(file, replaces), offset: 0 };
    shown(form, sending(item));
    let fault = "";
    try {
      const there = await carry(item, {
        whither: () => ({ replaces }),
        moved: () => shown(form, sending(item)),
        broken: () => shown(form, say("broken_file"), "warn"),
      });
      const [outcome] = there.outcomes;
      if (outcome.href) { location.assign(outcome.href); return; }
      fault = [outcome.error, outcome.hint].filter(Boolean).join(" ");
    } catch (error) {
      forget(item);
      fault = why(error);
    }
    item = null;
    shown(form, fault, "bad");
  };

  // In place of the browser's own button, which speaks the browser's language.
  document.documentElement.classList.add("scripted");
  document.addEventListener("change", (event) => {
    const form = event.target.closest(".better");
    const [file] = form && event.target.files ? event.target.files : [];
    if (file) shown(form, `${file.name} · ${mebi(file.size)}`);
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".better")) return;
    event.preventDefault();
    const [file] = form.querySelector("input[type=file]").files;
    if (file) send(form, file);
  });
  // A file that was on its way when the page was left goes on by itself.
  const handedIn = part.dataset.document;
  kept(handedIn).then(([one]) => {
    const form = part.querySelector(".better");
    if (one && form) send(form, one.file, one.id);
    else if (one) forget({ transfer: one.id, file: one.file, replaces: handedIn });
  });
  // The browser's way back shows the page as it was left.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
