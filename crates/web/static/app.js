// Adds comfort to pages that work without it. It decides nothing: the server alone knows whether a session
// lives. It keeps nothing in storage, and it never stands between a person and Log out.
"use strict";
(() => {
  const root = document.documentElement;
  const body = document.body;
  const product = body.dataset.product || "this site";
  const mine = body.dataset.session || null;

  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const here = () => location.pathname + location.search;
  // ---- a page that waits for another device --------------------------------------------------------
  // It is loaded again only when it has something else to say: a page that reloads by itself takes whoever listens
  // to it, or magnifies it, back to its top each time.
  if (all("[data-waits]").length > 0) {
    setInterval(async () => {
      try {
        const answer = await fetch(here(), { cache: "no-store" });
        if (!(await answer.text()).includes("data-waits")) location.reload();
      } catch { /* it looks again */ }
    }, 4000);
  }

  // ---- small comforts ------------------------------------------------------------------------------
  for (const button of all("[data-shows]")) {
    const input = document.getElementById(button.dataset.shows);
    const show = (shown) => {
      input.type = shown ? "text" : "password";
      button.querySelector("[data-word]").textContent = shown ? "Hide" : "Show";
    };
    button.hidden = false;
    button.addEventListener("click", () => show(input.type === "password"));
    input.form?.addEventListener("submit", () => show(false));
    addEventListener("pagehide", () => show(false));
  }

  for (const menu of all("details.menu")) {
    const close = () => { menu.open = false; };
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) close(); });
    menu.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !menu.contains(event.relatedTarget)) close();
    });
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !menu.open) return;
      close();
      menu.querySelector("summary").focus();
    });
  }

  // The answer to an app that wants it in a form; the button is for browsers without scripts.
  document.querySelector("form[data-to-app]")?.submit();

  // A shared computer is never remembered.
  const shared = document.getElementById("shared");
  const remember = document.getElementById("remember");
  if (shared && remember) {
    const agree = () => { remember.disabled = shared.checked; };
    shared.addEventListener("change", agree);
    agree();
  }

  const picks = all('input[type="checkbox"][form="selected"]');
  const picked = document.querySelector("[data-selected]");
  if (picked) {
    const usual = picked.textContent;
    const count = () => {
      const number = picks.filter((pick) => pick.checked).length;
      const words = number === 1 ? "1 session selected." : `${number} sessions selected.`;
      picked.textContent = number === 0 ? usual : words;
      picked.parentElement.classList.toggle("has-some", number > 0);
    };
    picks.forEach((pick) => pick.addEventListener("change", count));
    addEventListener("pageshow", count);
  }

  // Forms marked data-once are not sent twice by a double click. Log out is never marked.
  for (const form of all("form[data-once]")) {
    let sent = 0;
    form.addEventListener("submit", (event) => {
      if (Date.now() - sent < 8000) event.preventDefault();
      else sent = Date.now();
    });
    addEventListener("pageshow", () => { sent = 0; });
  }

  // Copying is offered only where it works; printing is the browser's own.
  for (const button of all("[data-copies]")) {
    if (!navigator.clipboard) continue;
    const usual = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const lines = all(`#${button.dataset.copies} code`).map((code) => code.textContent);
      try {
        await navigator.clipboard.writeText(lines.join("\n"));
        button.textContent = "Copied";
      } catch {
        button.textContent = usual;
      }
    });
  }
  for (const button of all("[data-prints]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // ---- what the apps say to a log-out --------------------------------------------------------------
  const receipt = document.querySelector("[data-receipt]");
  const redraw = async () => {
    const answer = await fetch(receipt.dataset.from || location.pathname).catch(() => null);
    if (!answer?.ok || answer.redirected) return true;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-receipt]");
    if (!fresh) return false;
    receipt.replaceChildren(...fresh.childNodes);
    return "looksAgain" in fresh.dataset;
  };
  if (receipt?.dataset.events) {
    const answers = new EventSource(receipt.dataset.events);
    answers.addEventListener("changed", redraw);
    answers.addEventListener("settled", () => { answers.close(); redraw(); });
    addEventListener("pagehide", () => answers.close());
  } else if (receipt && "looksAgain" in receipt.dataset) {
    const again = async () => { if (await redraw()) setTimeout(again, 3000); };
    setTimeout(again, 3000);
  }

  // ---- the tabs of this browser --------------------------------------------------------------------
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("nightlatch") : null;
  const tell = (message) => channel?.postMessage(message);

  if (body.dataset.ended !== undefined) tell({ type: "ended", session: body.dataset.ended });

  if (!mine) {
    // A sign-in page from the back/forward cache would show what was typed, and an old truth.
    addEventListener("pagehide", (event) => {
      if (event.persisted) root.classList.add("checking");
      all('input[type="password"]').forEach((input) => { input.value = ""; });
    });
    addEventListener("pageshow", (event) => { if (event.persisted) location.replace(here()); });
    return;
  }

  // ---- the session of this page --------------------------------------------------------------------
  const loadedAt = Number(body.dataset.serverNow);
  const warnSeconds = Number(body.dataset.warnSeconds) || 60;
  let ahead = loadedAt - Date.now(); // how far the server's clock is ahead of ours
  let idle = Number(body.dataset.idleDeadline);
  let overall = Number(body.dataset.overallDeadline);
  let over = false; // the page has been emptied for good
  let sentAt = -Infinity; // a form was sent here or in another tab: the next page is on its way
  let leftAt = -Infinity; // and it was one that logs out
  let asked = Date.now(); // when the server was asked last
  let asking = null;
  let hiddenAt = 0;
  const serverNow = () => Date.now() + ahead;
  const left = () => Math.min(idle, overall) - serverNow();

  /** Replaces everything on the page, so that nothing private is left in it. */
  const empty = (heading, text, label, href) => {
    over = true;
    stopListening();
    const main = make("main", { id: "main", className: "page narrow", tabIndex: -1 },
      make("div", { className: "card sign-in" },
        make("h1", { textContent: heading }),
        make("p", { textContent: text }),
        make("a", { className: "button primary wide", textContent: label, href })));
    body.replaceChildren(main);
    for (const name of Object.keys(body.dataset)) delete body.dataset[name];
    document.title = `${heading} · ${product}`;
    root.classList.remove("checking");
    main.focus();
  };

  /** The session has ended. `leave` goes to the sign-in page, which says why. */
  const gone = (leave) => {
    if (over) return;
    empty("You are logged out", "This page has been cleared. Sign in to go on.", "Sign in", "/login");
    if (!leave || !navigator.onLine || Date.now() - sentAt < 15000) return;
    const open = /^\/(login|logout|signed-out|help)(\/|$)/.test(location.pathname);
    location.replace(open ? location.pathname : `/login?return_to=${encodeURIComponent(here())}`);
  };

  /** The server cannot be asked, and showing the page would be a guess. */
  const unknown = () => {
    if (over) return;
    empty("We cannot show this page right now", `This browser cannot reach ${product} to check that you are still signed in.`,
      "Try again", here());
    addEventListener("online", () => location.replace(here()), { once: true });
  };

  /** Takes over what the server said. */
  const learn = (answer) => {
    if (answer?.state === "ended") {
      tell({ type: "ended", session: mine, remote: true });
      gone(true);
    } else if (answer?.state === "live") {
      if (answer.session && answer.session !== mine) return other();
      ahead = answer.now - Date.now();
      idle = answer.idle_deadline;
      overall = answer.overall_deadline;
      tell({ type: "live", session: mine, at: answer.now, idle, overall });
    } else return false;
    return true;
  };

  /** Somebody signed in again in this browser: this page belongs to a session that is no more. */
  const other = () => {
    if (over) return true;
    empty("Please wait", "Somebody signed in again in this browser.", "Go on", here());
    if (navigator.onLine) location.replace(here());
    return true;
  };

  const ask = async (address, options) => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 4000);
    try {
      const answer = await fetch(address, { cache: "no-store", redirect: "error", signal: stop.signal, ...options });
      return await answer.json();
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
    }
  };

  /** Asked with a cookie that was replaced meanwhile, the question counts once more, with the new one. */
  const status = async () => {
    const request = () => ask("/session/status", { headers: { Accept: "application/json" } });
    const answer = await request();
    return answer?.state === "replaced" ? request() : answer;
  };

  /**
   * Asks whether the session lives. `cover` hides the page until the answer is there; `strict` empties it
   * if there is none, as after Back, where the session may have ended long ago.
   */
  const check = async (cover, strict) => {
    if (over) return;
    if (cover) root.classList.add("checking");
    asking ??= status().finally(() => { asking = null; });
    const answer = await asking;
    asked = Date.now();
    if (over) return;
    if (!learn(answer) && (strict || left() <= 0)) unknown();
    if (!over && !asking) root.classList.remove("checking");
  };

  channel?.addEventListener("message", ({ data }) => {
    if (over || !data) return;
    if (data.type === "sent") {
      if (data.session !== mine) return;
      sentAt = Date.now();
      if (data.leaves) leftAt = sentAt;
    } else if (data.type === "ended") {
      // Without an id, some session of this browser has ended: ours, if a Log out here was just sent.
      if (data.session === mine || (data.session === "" && Date.now() - leftAt < 15000)) gone(Boolean(data.remote));
      else if (data.session === "") check(true, true);
    } else if (data.type === "live") {
      if (data.session === mine) {
        idle = Math.max(idle, data.idle);
        overall = data.overall;
      } else if (data.at > loadedAt) {
        check(true, true);
      }
    }
  });
  tell({ type: "live", session: mine, at: loadedAt, idle, overall });

  // The answer to a form sent here says what happened; it must not be overtaken by the stream.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    sentAt = Date.now();
    const leaves = ["/logout", "/help/reset-browser", "/account/sessions/log-out-all"].includes(event.target.getAttribute("action"));
    tell({ type: "sent", session: mine, leaves });
  });

  // ---- one tab listens for all ---------------------------------------------------------------------
  let source = null;
  let letGo = null;
  let waiting = null;
  let again = 0;

  function listen() {
    if (over) return;
    source = new EventSource("/session/events");
    source.addEventListener("ended", () => learn({ state: "ended" }));
    source.onerror = () => {
      check(false);
      clearTimeout(again);
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(listen, 10000);
    };
  }

  function startListening() {
    if (!navigator.locks || !channel || waiting) return;
    waiting = new AbortController();
    navigator.locks.request("nightlatch-stream", { signal: waiting.signal }, () => new Promise((done) => {
      letGo = done;
      listen();
    })).catch(() => {}); // the wait was given up
  }

  function stopListening() {
    clearTimeout(again);
    source?.close();
    source = null;
    waiting?.abort();
    waiting = null;
    letGo?.();
    letGo = null;
  }

  // ---- the warning before the end ------------------------------------------------------------------
  let dialog = null;
  let noted = false; // the overall limit has been announced and read

  const spoken = (seconds) => {
    if (seconds > 60) return `${Math.ceil(seconds / 60)} minutes left`;
    if (seconds > 30) return "1 minute left";
    return seconds > 10 ? "30 seconds left" : "10 seconds left";
  };

  const closeDialog = () => {
    dialog?.close(); // before remove(), so that the focus goes back
    dialog?.remove();
    dialog = null;
  };

  const stay = async () => {
    const headers = { "Content-Type": "application/json", "X-Nightlatch": "1" };
    const answer = await ask("/session/stay", { method: "POST", headers, body: "{}" });
    if (over) return;
    if (learn(answer)) closeDialog();
    else if (dialog) dialog.querySelector("#warning-text").textContent = "That did not work. Check your connection and try again. You will be logged out in:";
  };

  const openDialog = (final) => {
    const act = final ? () => { noted = true; closeDialog(); } : stay;
    const title = final ? "This session ends soon" : "Are you still there?";
    const text = final
      ? "A session lasts only so long, to keep your account safe, and cannot be made longer. Please save your work. You will be logged out in:"
      : "You have not used this page for a while. To keep your account safe, you will be logged out in:";
    const button = make("button", { type: "button", className: "button primary wide", textContent: final ? "OK" : "Stay signed in" });
    button.addEventListener("click", act);
    dialog = make("dialog", { className: "warning-dialog" },
      make("h2", { id: "warning-title", textContent: title }),
      make("p", { id: "warning-text", textContent: text }),
      make("p", { className: "countdown", ariaHidden: "true" }),
      make("p", { id: "warning-left", className: "visually-hidden", role: "status" }),
      button);
    if (final) dialog.append(make("a", { className: "button plain wide", textContent: "Sign in again now", href: `/login?switch=yes&return_to=${encodeURIComponent(here())}` }));
    dialog.final = final;
    const spokenAs = { role: "alertdialog", "aria-labelledby": "warning-title", "aria-describedby": "warning-text warning-left" };
    for (const [name, value] of Object.entries(spokenAs)) dialog.setAttribute(name, value);
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); act(); });
    body.append(dialog);
    dialog.showModal();
    button.focus();
  };

  const warn = () => {
    const final = overall <= idle;
    const seconds = Math.max(0, Math.ceil(left() / 1000));
    const due = seconds <= (final ? Math.max(warnSeconds, 300) : warnSeconds) && !(final && noted);
    if (!due || (dialog && dialog.final !== final)) closeDialog();
    if (!due || document.hidden) return;
    if (!dialog) {
      // Another tab, or another app, may have moved the deadline.
      if (Date.now() - asked > 10000) return void check(false);
      openDialog(final);
    }
    dialog.querySelector(".countdown").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const status = dialog.querySelector("#warning-left");
    if (status.textContent !== spoken(seconds)) status.textContent = spoken(seconds);
  };

  // ---- time, sleep and Back ------------------------------------------------------------------------
  let ticked = Date.now();
  setInterval(() => {
    if (over) return;
    const drift = Math.abs(Date.now() - ticked - 1000);
    ticked = Date.now();
    if (drift > 5000 && !document.hidden) return void check(true);
    if (left() <= 0) return void (!asking && Date.now() - asked > 2000 && check(true));
    warn();
    const trusted = source ? source.readyState === EventSource.OPEN : Boolean(waiting);
    if (!document.hidden && !asking && Date.now() - asked > (trusted ? 60000 : 10000)) check(false);
  }, 1000);

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else check(Date.now() - hiddenAt > 2000);
  });
  addEventListener("focus", () => { if (Date.now() - asked > 5000) check(false); });
  addEventListener("online", () => check(false));
  addEventListener("pagehide", (event) => {
    stopListening();
    if (event.persisted) root.classList.add("checking");
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted && over) root.classList.remove("checking");
    else if (event.persisted) check(true, true).then(() => { if (!over) startListening(); });
  });
  startListening();
})();
