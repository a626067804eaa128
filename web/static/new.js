// A new claim: files are chosen, looked up, and sent in pieces (sending.js). Without this script the
// form is an ordinary one.
"use strict";
(() => {
  const form = document.getElementById("new");
  const { ask, carry, kept, mark, recall, forget, say, mebi, percent, sending, why } = window.yanpiao.sending;
  const list = document.getElementById("list");
  const all = document.getElementById("all");
  const row = document.getElementById("row");
  const send = document.getElementById("send");
  const drop = document.getElementById("drop");
  const picker = document.getElementById("files");
  const camera = document.getElementById("camera");
  const AT_ONCE = 2;
  const items = [];
  let claim = null;
  let running = 0;

  form.classList.add("scripted");
  picker.required = false;
  if (window.matchMedia("(pointer: coarse)").matches) camera.closest("label").hidden = false;

  // -- what is shown --------------------------------------------------------------------------
  const show = (item, state, text, kind = "") => {
    item.state = state;
    item.node.className = "file " + kind;
    item.node.querySelector(".what").textContent = text;
    const bar = item.node.querySelector("progress");
    bar.hidden = state !== "sending" && state !== "broken";
    item.node.querySelector(".again").hidden = state !== "failed";
    item.node.querySelector(".remove").hidden = state === "done";
    sum();
  };
  const moved = (item) => {
    const bar = item.node.querySelector("progress");
    bar.value = percent(item);
    bar.setAttribute("aria-label", item.file.name);
    if (item.state === "sending") item.node.querySelector(".what").textContent = sending(item);
  };
  const sum = () => {
    const count = (...states) => items.filter((item) => states.includes(item.state)).length;
    const chosen = count("chosen"), busy = count("sending", "broken"), done = count("done");
    list.hidden = items.length === 0;
    send.querySelector("span").textContent = busy ? say("busy", { done, total: items.length }) : chosen ? say("send", { count: chosen }) : say("plain_send");
    send.disabled = busy > 0 || (items.length > 0 && chosen === 0);
    all.className = "all";
    all.textContent = "";
    if (items.length && !chosen && !busy && done) {
      all.className = "all good";
      all.textContent = say("all_done", { count: done });
    } else if (count("broken")) {
      all.className = "all warn";
      all.textContent = say("broken");
    }
  };
  const open = (item, href) => {
    const link = item.node.querySelector(".open");
    link.hidden = !href;
    if (href) link.href = href;
  };

  // -- choosing -------------------------------------------------------------------------------
  const add = (file, transfer = null) => {
    const waiting = items.filter((item) => item.state !== "done").length;
    if (waiting >= Number(form.dataset.most)) { window.yanpiao.toast(say("too_many", { most: form.dataset.most })); return; }
    if (items.some((item) => mark(item.file) === mark(file) && item.state !== "failed")) return;
    const node = row.content.firstElementChild.cloneNode(true);
    const item = { file, node, transfer: transfer || recall(file), offset: 0, state: "chosen", gone: false };
    items.push(item);
    list.append(node);
    node.querySelector(".name").textContent = file.name;
    node.querySelector(".name").title = file.name;
    const kind = node.querySelector(".kind");
    kind.textContent = (file.name.split(".").pop() || "?").slice(0, 4).toUpperCase();
    if (/^image\/(jpeg|png|webp|gif|bmp)$/.test(file.type) && file.size < 25e6) {
      // As data, not as an object's address: the page's policy allows pictures of no other kind.
      const reader = new FileReader();
      reader.onload = () => { const thumb = node.querySelector("img"); thumb.src = reader.result; thumb.hidden = false; kind.hidden = true; };
      reader.readAsDataURL(file);
    }
    node.querySelector(".remove").addEventListener("click", () => remove(item));
    node.querySelector(".again").addEventListener("click", () => { show(item, "chosen", mebi(file.size)); start(); });
    const zip = /\.zip$/i.test(file.name);
    const limit = Number(zip ? form.dataset.zipLimit : form.dataset.fileLimit);
    if (file.size > limit) { show(item, "failed", say("too_large", { limit: mebi(limit) }), "bad"); node.querySelector(".again").hidden = true; return; }
    show(item, "chosen", mebi(file.size));
    if (!item.transfer) compare(item);
  };
  const remove = (item) => {
    item.gone = true;
    items.splice(items.indexOf(item), 1);
    item.node.remove();
    if (item.transfer) ask("DELETE", "/api/transfers/" + item.transfer).catch(() => {});
    forget(item);
    sum();
  };
  const already = (known) => say(known.own ? "known_own" : "known_other", { state: known.state ? say("state_" + known.state) : "" });
  // Whether these very bytes were handed in before, told before anything is sent.
  const compare = async (item) => {
    if (!window.crypto || !crypto.subtle || item.file.size > 60e6) return;
    try {
      const digest = await crypto.subtle.digest("SHA-256", await item.file.arrayBuffer());
      const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const { known } = await ask("POST", "/api/known", { sha256 });
      if (!known || item.state !== "chosen") return;
      show(item, "done", already(known), "warn");
      item.node.querySelector(".remove").hidden = false;
      open(item, known.href);
    } catch { /* the server says so after the file came, too */ }
  };

  // -- sending --------------------------------------------------------------------------------
  const openClaim = () => {
    const value = (id) => (document.getElementById(id) ? document.getElementById(id).value : "");
    const asked = { campus: value("campus"), voucher: value("voucher"), note: value("note") };
    // What did not open is asked for again by the next try, not remembered as broken for ever.
    claim = claim || ask("POST", "/api/claims", asked).then((said) => said.id, (error) => { claim = null; throw error; });
    return claim;
  };
  const end = (item, there) => {
    const taken = there.outcomes;
    const faults = taken.filter((one) => one.error);
    const again = taken.filter((one) => one.repeated);
    if (taken.length > 1) show(item, "done", say("unpacked", { count: taken.length, bad: faults.length, known: again.length }), faults.length ? "warn" : "good");
    else if (faults.length) show(item, "done", faults[0].error + " " + faults[0].hint, "bad");
    else if (again.length) show(item, "done", already(again[0]), "warn");
    else show(item, "done", say("received"), "good");
    open(item, taken.length > 1 ? "/claims" : taken.length ? taken[0].href : "");
  };
  const deliver = async (item) => {
    show(item, "sending", sending(item));
    try {
      const there = await carry(item, {
        whither: async () => ({ claim: await openClaim() }),
        moved: () => { if (item.state === "broken") show(item, "sending", ""); moved(item); },
        broken: () => show(item, "broken", say("broken_file"), "warn"),
      });
      if (there) end(item, there);
    } catch (error) {
      show(item, "failed", why(error), "bad");
    }
  };
  const start = async () => {
    while (running < AT_ONCE) {
      const next = items.find((item) => item.state === "chosen");
      if (!next) break;
      running += 1;
      deliver(next).finally(() => { running -= 1; start(); });
    }
    if (!running && !items.some((item) => item.state === "chosen")) claim = null; // later files are a claim of their own
  };

  picker.addEventListener("change", () => { [...picker.files].forEach((file) => add(file)); picker.value = ""; });
  camera.addEventListener("change", () => { [...camera.files].forEach((file) => add(file)); camera.value = ""; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!items.length) { picker.click(); return; }
    start();
  });
  const over = (on) => (event) => { event.preventDefault(); drop.classList.toggle("over", on); };
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, over(true));
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, over(false));
  drop.addEventListener("drop", (event) => [...event.dataTransfer.files].forEach((file) => add(file)));
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  window.addEventListener("paste", (event) => { if (event.clipboardData) [...event.clipboardData.files].forEach((file) => add(file)); });

  // Files that were on their way when the page was left go on by themselves.
  kept().then((found) => {
    for (const { id, file } of found) add(file, id);
    if (found.length) { window.yanpiao.toast(say("resumed", { count: found.length })); start(); }
  });
  sum();
})();
