// The captcha desk: asks for the next captcha, shows it, sends what the person typed. Nothing here reads the picture.
"use strict";
(() => {
  const part = (id) => document.getElementById(id);
  const desk = part("desk"), idle = part("idle"), ask = part("ask"), picture = part("picture");
  const answer = part("answer"), waiting = part("waiting"), message = part("message"), left = part("left");
  const said = desk.dataset;
  const operator = "operator=" + encodeURIComponent(said.operator);
  let current = null;
  let shownAt = 0;
  // While a deed is on its way nothing else is done, and what was asked before it is out of date.
  let busy = false;
  let deeds = 0;
  // Captchas are renewed only while somebody is here: a page left open alone asks for none.
  let present = true;
  for (const deed of ["keydown", "pointermove", "pointerdown", "focus"])
    window.addEventListener(deed, () => { present = true; });

  const count = (many) => {
    waiting.value = many;
    part("none").hidden = many > 0;
    part("others").hidden = many === 0;
  };

  const show = (captcha, many) => {
    count(many);
    if (current && captcha && captcha.id === current.id) return;
    const before = current;
    current = captcha;
    answer.value = "";
    desk.hidden = !captcha;
    idle.hidden = !!captcha;
    document.title = (captcha ? "● " : "") + document.title.replace(/^● /, "");
    if (!captcha) {
      if (before) part("announce").textContent = idle.innerText;
      return;
    }
    ask.textContent = captcha.colour_text;
    ask.className = "ask " + captcha.colour;
    picture.src = captcha.image;
    answer.focus({ preventScroll: true });
    part("announce").textContent = `${captcha.colour_text} · ${many} ${said.waiting}`;
    shownAt = Date.now();
    left.value = 100;
  };

  const next = async () => {
    const asked = deeds;
    if (busy) return;
    try {
      const reply = await fetch(`/api/captcha/next?${operator}&present=${present}`, { cache: "no-store" });
      present = false;
      if (!reply.ok) throw new Error(reply.status);
      const captcha = reply.status === 204 ? null : await reply.json();
      if (busy || asked !== deeds) return;
      show(captcha, captcha ? captcha.waiting : Number(reply.headers.get("Captchas-Waiting")));
      if (message.textContent === said.offline) message.textContent = "";
    } catch {
      message.textContent = said.offline;
    }
  };

  // Sends what was done with the captcha on the page; the reply brings the next one.
  const send = async (path, body, done) => {
    if (!current || busy) return;
    busy = true;
    deeds += 1;
    answer.readOnly = true;
    message.textContent = "";
    let gone = false;
    try {
      const reply = await fetch(`/api/captcha/${current.id}${path}?${operator}`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content,
        },
        body: body && JSON.stringify(body),
      });
      gone = reply.status === 410;
      if (!gone && !reply.ok) throw new Error(reply.status);
      message.textContent = gone ? said.gone : done;
      if (!gone) {
        const following = await reply.json();
        show(following.next, following.waiting);
      }
    } catch {
      message.textContent = said.offline;
    } finally {
      busy = false;
      answer.readOnly = false;
      answer.focus({ preventScroll: true });
    }
    if (gone) {
      show(null, 0);
      next();
    }
  };
  const skip = () => send("/skip", null, said.skipped);
  const refresh = () => send("/refresh", null, said.renewed);

  desk.addEventListener("submit", (event) => {
    event.preventDefault();
    const typed = answer.value.trim();
    if (typed) send("", { answer: typed }, "");
  });
  part("skip").addEventListener("click", skip);
  part("refresh").addEventListener("click", refresh);

  document.addEventListener("keydown", (event) => {
    const free = document.activeElement === document.body || desk.contains(document.activeElement);
    if (!current || !free || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" || event.key === "F2") {
      event.preventDefault();
      if (!event.repeat) (event.key === "F2" ? refresh : skip)();
    } else if (event.key.length === 1 && document.activeElement === document.body) {
      answer.focus(); // The key then goes into the field.
    }
  });
  // A tap beside the field, or a window that comes back, does not cost the place to type in.
  const refocus = () => {
    if (current && document.activeElement === document.body) answer.focus({ preventScroll: true });
  };
  document.addEventListener("click", refocus);
  window.addEventListener("focus", refocus);

  setInterval(() => {
    if (!current) return;
    const whole = Date.parse(current.expires_at) - shownAt;
    left.value = Math.max(0, (100 * (Date.parse(current.expires_at) - Date.now())) / whole);
  }, 500);
  setInterval(next, 1000);
  next();
})();
