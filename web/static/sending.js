// Files that go up in pieces and continue where they broke off: after a lost network, a restarted
// server, or a reload of the page (the files themselves wait in IndexedDB).
"use strict";
(() => {
  const csrf = document.querySelector("meta[name=csrf-token]");
  const PIECES = [64, 128, 256, 512, 1024, 2048, 4096].map((kib) => kib * 1024);
  const LONGEST_PAUSE = 30;

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
  // Files on their way into the place of a document; without one, those of new claims.
  const kept = async (replaces = "") => ((await onShelf("readonly", (store) => store.getAll())) || []).filter((one) => (one.replaces || "") === replaces);
  // Where a browser does not keep files, the same file chosen again continues: it is known by this.
  const mark = (file, replaces = "") => "transfer:" + [replaces, file.name, file.size, file.lastModified].join("|");
  const remember = (item) => {
    try { localStorage.setItem(mark(item.file, item.replaces), item.transfer); } catch { /* full or forbidden: it begins anew */ }
    return onShelf("readwrite", (store) => store.put({ id: item.transfer, file: item.file, replaces: item.replaces || "" }));
  };
  const recall = (file, replaces = "") => { try { return localStorage.getItem(mark(file, replaces)); } catch { return null; } };
  const forget = (item) => {
    if (item.transfer) onShelf("readwrite", (store) => store.delete(item.transfer));
    try { localStorage.removeItem(mark(item.file, item.replaces)); } catch { /* as above */ }
  };

  // -- sending --------------------------------------------------------------------------------
  const wait = (seconds) => new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    window.addEventListener("online", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
  const locate = async (item, whither) => {
    if (item.transfer) {
      try {
        const there = await ask("GET", "/api/transfers/" + item.transfer);
        if (there.size === item.file.size) return there;
      } catch (error) {
        if (!lasting(error)) throw error;
      }
      item.transfer = null; // swept, or another file of that name: it begins anew
    }
    const fresh = await ask("POST", "/api/transfers", { ...(await whither()), name: item.file.name, size: item.file.size });
    item.transfer = fresh.id;
    await remember(item);
    return fresh;
  };
  const push = async (item, told) => {
    let there = await locate(item, told.whither);
    item.offset = there.offset;
    while (!there.finished && !item.gone) {
      const begun = Date.now();
      const piece = item.file.slice(item.offset, item.offset + PIECES[item.piece]);
      there = await ask("PATCH", "/api/transfers/" + item.transfer, piece, { "Upload-Offset": String(item.offset), "Content-Type": "application/offset+octet-stream" });
      item.offset = there.offset;
      item.failures = 0;
      const seconds = (Date.now() - begun) / 1000;
      if (seconds < 1.5 && item.piece < PIECES.length - 1) item.piece += 1;
      if (seconds > 6 && item.piece > 0) item.piece -= 1;
      told.moved(item);
    }
    return there;
  };
  // Sends `item` ({ file, transfer, replaces, gone }) however often the network goes away; the finished transfer, or null once it is `gone`.
  // `told`: `whither` says what to announce it for, `moved` and `broken` hear how it goes. Throws `Refused` for what no waiting mends.
  const carry = async (item, told) => {
    item.failures = 0;
    item.piece = 3;
    while (!item.gone) {
      try {
        const there = await push(item, told);
        if (item.gone) return null;
        forget(item);
        return there;
      } catch (error) {
        if (item.gone) return null;
        if (lasting(error)) throw error;
        item.failures += 1;
        if (item.piece > 0) item.piece -= 1;
        told.broken(item);
        await wait(Math.min(LONGEST_PAUSE, 2 ** Math.min(item.failures, 5)) * (0.5 + Math.random() / 2));
        if (!item.gone) told.moved(item);
      }
    }
    return null;
  };

  // -- words ----------------------------------------------------------------------------------
  const words = JSON.parse(document.getElementById("words").textContent);
  const say = (code, values = {}) => words[code].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  const mebi = (bytes) => (bytes < 1048576 ? Math.max(1, Math.round(bytes / 1024)) + " KB" : (bytes / 1048576).toFixed(1) + " MB");
  const percent = (item) => (item.file.size ? Math.floor((100 * (item.offset || 0)) / item.file.size) : 100);
  const sending = (item) => say("sending", { percent: percent(item), size: mebi(item.file.size) });
  const why = (error) => [error.problem.title, error.problem.detail].filter(Boolean).join(" ") || say("refused", { status: error.status });

  window.yanpiao.sending = { ask, carry, kept, mark, recall, forget, say, mebi, percent, sending, why };
})();
