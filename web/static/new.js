// A new claim. Files go up in pieces and continue where they broke off: after a lost network, a
// restarted server, or a reload of this page (the files themselves wait in IndexedDB). Without
// this script the form below it is an ordinary one.
"use strict";
(() => {
  const form = document.getElementById("new");
  const words = JSON.parse(document.getElementById("words").textContent);
  const list = document.getElementById("list");
  const all = document.getElementById("all");
  const row = document.getElementById("row");
  const send = document.getElementById("send");
  const drop = document.getElementById("drop");
  const picker = document.getElementById("files");
  const camera = document.getElementById("camera");
  const csrf = document.querySelector("meta[name=csrf-token]");
  const PIECES = [64, 128, 256, 512, 1024, 2048, 4096].map((kib) => kib * 1024);
  const AT_ONCE = 2;
  const LONGEST_PAUSE = 30;
  const items = [];
  let claim = null;
  let running = 0;

  form.classList.add("scripted");
  picker.required = false;
  if (window.matchMedia("(pointer: coarse)").matches) camera.closest("label").hidden = false;
  const say = (code, values = {}) =>
    words[code].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  const mebi = (bytes) => (bytes < 1048576 ? Math.max(1, Math.round(bytes / 1024)) + " KB" : (bytes / 1048576).toFixed(1) + " MB");

  // -- asking the server ----------------------------------------------------------------------
  class Refused extends Error {
    constructor(status, problem) { super(problem.title || String(status)); this.status = status; this.problem = problem; }
  }
  const ask = async (method, address, body, headers = {}) => {
    const piece = body instanceof Blob;
    const reply = await fetch(address, {
      method, cache: "no-store",
      headers: { ...(csrf ? { "X-CSRF-Token": csrf.content } : {}), ...(body && !piece ? { "Content-Type": "application/json" } : {}), ...headers },
      body: piece ? body : body ? JSON.stringify(body) : undefined,
    });
    if (reply.status === 204) return null;
    let said = {};
    try { said = await reply.json(); } catch { /* a proxy's page, or none: the status says enough */ }
    if (!reply.ok) throw new Refused(reply.status, said);
    return said;
  };
  const lasting = (error) => error instanceof Refused && error.status < 500 && ![408, 409, 423, 429].includes(error.status);

  // -- what outlives a reload -----------------------------------------------------------------
  const shelf = new Promise((resolve) => {
    try {
      const opening = indexedDB.open("yanpiao", 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore("files", { keyPath: "id" });
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => resolve(null);
    } catch { resolve(null); }
  });
  const onShelf = async (mode, deed) => {
    const database = await shelf;
    if (!database) return null;
    return new Promise((resolve) => {
      try {
        const request = deed(database.transaction("files", mode).objectStore("files"));
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => resolve(null);
      } catch { resolve(null); }
    });
  };
  const keep = (item) => onShelf("readwrite", (store) => store.put({ id: item.transfer, file: item.file }));
  const forget = (item) => item.transfer && onShelf("readwrite", (store) => store.delete(item.transfer));
  // Where a browser does not keep files, the same file chosen again continues: it is known by this.
  const mark = (file) => "transfer:" + [file.name, file.size, file.lastModified].join("|");
  const remember = (item) => { try { localStorage.setItem(mark(item.file), item.transfer); } catch { /* full or forbidden: it begins anew */ } };
  const recall = (file) => { try { return localStorage.getItem(mark(file)); } catch { return null; } };
  const unmark = (item) => { try { localStorage.removeItem(mark(item.file)); } catch { /* as above */ } };

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
    const part = item.file.size ? Math.floor((100 * item.offset) / item.file.size) : 100;
    const bar = item.node.querySelector("progress");
    bar.value = part;
    bar.setAttribute("aria-label", item.file.name);
    if (item.state === "sending") item.node.querySelector(".what").textContent = say("sending", { percent: part, size: mebi(item.file.size) });
  };
  const sum = () => {
    const count = (...states) => items.filter((item) => states.includes(item.state)).length;
    const chosen = count("chosen"), busy = count("sending", "broken"), done = count("done");
    list.hidden = items.length === 0;
    send.querySelector("span").textContent = busy ? say("busy", { done, total: items.length }) : chosen ? say("send", { count: chosen }) : words.plain_send;
    send.disabled = busy > 0 || (items.length > 0 && chosen === 0);
    all.className = "all";
    all.textContent = "";
    if (items.length && !chosen && !busy && done) {
      all.className = "all good";
      all.textContent = say("all_done", { count: done });
    } else if (count("broken")) {
      all.className = "all warn";
      all.textContent = words.broken;
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
    const item = { file, node, transfer: transfer || recall(file), offset: 0, state: "chosen", piece: 3 };
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
    item.state = "gone";
    items.splice(items.indexOf(item), 1);
    item.node.remove();
    if (item.transfer) ask("DELETE", "/api/transfers/" + item.transfer).catch(() => {});
    forget(item);
    unmark(item);
    sum();
  };
  // Whether these very bytes were handed in before, told before anything is sent.
  const compare = async (item) => {
    if (!window.crypto || !crypto.subtle || item.file.size > 60e6) return;
    try {
      const digest = await crypto.subtle.digest("SHA-256", await item.file.arrayBuffer());
      const sha256 = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const { known } = await ask("POST", "/api/known", { sha256 });
      if (!known || item.state !== "chosen") return;
      show(item, "done", say(known.own ? "known_own" : "known_other", { state: words["state_" + known.state] || "" }), "warn");
      item.node.querySelector(".remove").hidden = false;
      open(item, known.href);
    } catch { /* the server says so after the file came, too */ }
  };

  // -- sending --------------------------------------------------------------------------------
  const wait = (seconds) => new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    window.addEventListener("online", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
  const openClaim = () => {
    const value = (id) => (document.getElementById(id) ? document.getElementById(id).value : "");
    claim = claim || ask("POST", "/api/claims", { campus: value("campus"), voucher: value("voucher"), note: value("note") }).then((said) => said.id);
    return claim;
  };
  const locate = async (item) => {
    if (item.transfer) {
      try {
        const there = await ask("GET", "/api/transfers/" + item.transfer);
        if (there.size === item.file.size) return there;
      } catch (error) {
        if (!lasting(error)) throw error;
      }
      item.transfer = null; // swept, or another file of that name: it begins anew
    }
    const fresh = await ask("POST", "/api/transfers", { claim: await openClaim(), name: item.file.name, size: item.file.size });
    item.transfer = fresh.id;
    remember(item);
    await keep(item);
    return fresh;
  };
  const push = async (item) => {
    let there = await locate(item);
    item.offset = there.offset;
    while (!there.finished && item.state !== "gone") {
      const begun = Date.now();
      const piece = item.file.slice(item.offset, item.offset + PIECES[item.piece]);
      there = await ask("PATCH", "/api/transfers/" + item.transfer, piece, { "Upload-Offset": String(item.offset), "Content-Type": "application/offset+octet-stream" });
      item.offset = there.offset;
      item.failures = 0;
      const seconds = (Date.now() - begun) / 1000;
      if (seconds < 1.5 && item.piece < PIECES.length - 1) item.piece += 1;
      if (seconds > 6 && item.piece > 0) item.piece -= 1;
      moved(item);
    }
    return there;
  };
  const end = (item, there) => {
    forget(item);
    unmark(item);
    const taken = there.outcomes;
    const faults = taken.filter((one) => one.error);
    const again = taken.filter((one) => one.repeated);
    if (taken.length > 1) show(item, "done", say("unpacked", { count: taken.length, bad: faults.length, known: again.length }), faults.length ? "warn" : "good");
    else if (faults.length) show(item, "done", faults[0].error + " " + faults[0].hint, "bad");
    else if (again.length) show(item, "done", say(again[0].own ? "known_own" : "known_other", { state: words["state_" + again[0].state] || "" }), "warn");
    else show(item, "done", words.received, "good");
    open(item, taken.length > 1 ? "/claims" : taken.length ? taken[0].href : "");
  };
  const carry = async (item) => {
    item.failures = 0;
    show(item, "sending", say("sending", { percent: 0, size: mebi(item.file.size) }));
    while (item.state !== "gone") {
      try {
        const there = await push(item);
        if (item.state !== "gone") end(item, there);
        return;
      } catch (error) {
        if (item.state === "gone") return;
        if (lasting(error)) {
          if (error.status === 422 && !item.transfer) claim = null;
          show(item, "failed", [error.problem.title, error.problem.detail].filter(Boolean).join(" ") || say("refused", { status: error.status }), "bad");
          return;
        }
        item.failures += 1;
        if (item.piece > 0) item.piece -= 1;
        show(item, "broken", words.broken_file, "warn");
        await wait(Math.min(LONGEST_PAUSE, 2 ** Math.min(item.failures, 5)) * (0.5 + Math.random() / 2));
        if (item.state === "broken") show(item, "sending", say("sending", { percent: 0, size: mebi(item.file.size) }));
      }
    }
  };
  const start = async () => {
    while (running < AT_ONCE) {
      const next = items.find((item) => item.state === "chosen");
      if (!next) break;
      running += 1;
      carry(next).finally(() => { running -= 1; start(); });
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
  onShelf("readonly", (store) => store.getAll()).then((kept) => {
    for (const { id, file } of kept || []) add(file, id);
    if (kept && kept.length) { window.yanpiao.toast(say("resumed", { count: kept.length })); start(); }
  });
  sum();
})();
