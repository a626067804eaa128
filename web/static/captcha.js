// The captcha desk: asks for the next captcha, shows it, sends what the person typed. Nothing here reads the picture.
"use strict";
(() => {
  const desk = document.getElementById("desk");
  const idle = document.getElementById("idle");
  const ask = document.getElementById("ask");
  const picture = document.getElementById("picture");
  const answer = document.getElementById("answer");
  const waiting = document.getElementById("waiting");
  const message = document.getElementById("message");
  const left = document.getElementById("left");
  const nextAddress = "/api/captcha/next?operator=" + encodeURIComponent(desk.dataset.operator);
  let current = null;
  let shownAt = 0;
  // Captchas are renewed only while somebody is here: a page left open alone asks for none.
  let present = true;
  for (const deed of ["keydown", "pointermove", "pointerdown", "focus"])
    window.addEventListener(deed, () => { present = true; });

  const show = (captcha) => {
    if (current && captcha && captcha.id === current.id) {
      waiting.value = captcha.waiting;
      return;
    }
    current = captcha;
    desk.hidden = !captcha;
    idle.hidden = !!captcha;
    waiting.value = captcha ? captcha.waiting : 0;
    document.title = captcha ? "● " + document.title.replace(/^● /, "") : document.title.replace(/^● /, "");
    if (!captcha) return;
    ask.textContent = captcha.colour_text;
    ask.className = "ask " + captcha.colour;
    picture.src = captcha.image;
    answer.value = "";
    answer.focus();
    shownAt = Date.now();
  };

  const next = async () => {
    try {
      const reply = await fetch(nextAddress + "&present=" + present, { cache: "no-store" });
      present = false;
      if (!reply.ok) throw new Error(reply.status);
      show(reply.status === 204 ? null : await reply.json());
      if (message.textContent === desk.dataset.offline) message.textContent = "";
    } catch {
      message.textContent = desk.dataset.offline;
    }
  };

  desk.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!current) return;
    const typed = answer.value.trim();
    if (!typed) return;
    const sent = current;
    current = null;
    message.textContent = "";
    try {
      const reply = await fetch("/api/captcha/" + sent.id, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-CSRF-Token": document.querySelector("meta[name=csrf-token]").content,
        },
        body: JSON.stringify({ answer: typed }),
      });
      if (reply.status === 410) message.textContent = desk.dataset.gone;
      else if (!reply.ok) throw new Error(reply.status);
    } catch {
      current = sent;
      message.textContent = desk.dataset.offline;
      return;
    }
    desk.hidden = true;
    idle.hidden = false;
    next();
  });

  setInterval(() => {
    if (!current) return;
    const whole = Date.parse(current.expires_at) - shownAt;
    left.value = Math.max(0, (100 * (Date.parse(current.expires_at) - Date.now())) / whole);
  }, 500);
  setInterval(next, 1000);
  next();
})();
