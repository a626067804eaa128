// What moved shows by itself: a stream of events, and where there is none, asking now and then.
"use strict";
(() => {
  const part = document.querySelector("[data-live]");
  const bell = document.getElementById("bell");
  if (!part && !bell) return;
  // As the page was drawn: what moves before the first answer is seen, too.
  let mark = part && part.dataset.mark ? part.dataset.mark : null;
  let source = null;
  let timer = 0;
  let failures = 0;

  const redraw = async () => {
    // Nobody's dialog or half-typed answer goes away under their hands.
    if (!part || part.querySelector("dialog[open], input:focus, textarea:focus, .busy")) return false;
    if ([...part.querySelectorAll("input[type=file]")].some((input) => input.files.length)) return false;
    try {
      const reply = await fetch(part.dataset.live, { cache: "no-store", headers: { "HX-Request": "true" } });
      if (!reply.ok || reply.redirected) return false;
      const focused = document.activeElement && part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      part.innerHTML = await reply.text();
      if (focused) { const again = part.querySelector('[href="' + CSS.escape(focused) + '"]'); if (again) again.focus(); }
      return true;
    } catch { return false; }
  };
  const told = async (standing) => {
    if (bell) {
      const count = bell.querySelector(".count");
      count.textContent = standing.unread > 99 ? "99+" : standing.unread;
      count.hidden = !standing.unread;
    }
    if (mark !== null && standing.mark !== mark && !(await redraw())) return; // asked again next time
    mark = standing.mark;
  };
  const ask = async () => {
    try {
      const reply = await fetch("/api/events/now", { cache: "no-store" });
      if (reply.ok) told(await reply.json());
    } catch { /* the network is away; the next round asks again */ }
  };
  const rest = () => { clearInterval(timer); timer = 0; };
  // Asks at once, and from then on by itself, until a stream speaks again.
  const poll = () => { if (timer) return; timer = setInterval(ask, 5000); ask(); };
  const listen = () => {
    if (!window.EventSource) { poll(); return; }
    source = new EventSource("/api/events");
    source.onmessage = (event) => { failures = 0; rest(); told(JSON.parse(event.data)); };
    source.onerror = () => {
      failures += 1;
      if (source && (source.readyState === EventSource.CLOSED || failures > 3)) { source.close(); source = null; }
      poll();
    };
  };
  // A page that nobody looks at holds no stream.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { if (source) source.close(); source = null; rest(); }
    else if (!source) { ask(); listen(); }
  });
  if (!document.hidden) listen();
})();
