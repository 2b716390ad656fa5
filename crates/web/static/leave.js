// Leaves the page when the session of its reader is over. Any app behind Nightlatch may
// include it: <script src="/.nightlatch/leave.js" defer></script>
// It listens to a stream where there is one, and asks now and then where there is none,
// after a laptop woke up, and when a page comes back from the browser's memory. None of
// this keeps anybody signed in. Who has JavaScript switched off leaves with the next click.
(() => {
  "use strict";
  const POLL = 10_000;
  const AGAIN = 2_000;
  // For how long a page that is on its way elsewhere is waited for.
  const UNDER_WAY = 5_000;
  let stream = null;
  let timer = 0;
  let left = false;
  let goneSince = -Infinity;

  function leave() {
    if (left) return;
    left = true;
    if (stream) stream.close();
    // Nothing of the person stays on the screen while the next page loads.
    document.documentElement.hidden = true;
    // Where the reader is under way already (they pressed Log out on this very page), the answer
    // to that says what happened and must not be overtaken. If it never comes, this page goes.
    const waiting = goneSince + UNDER_WAY - Date.now();
    if (waiting > 0) setTimeout(() => location.replace("/.nightlatch/left"), waiting);
    else location.replace("/.nightlatch/left");
  }

  async function ask() {
    try {
      const answer = await fetch("/.nightlatch/status", { cache: "no-store", credentials: "same-origin" });
      if (answer.ok && (await answer.json()).state === "ended") leave();
    } catch {
      // Not reachable: that says nothing about the session. The next look will.
    }
  }

  function plan(wait) {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      await ask();
      if (!left && (!stream || stream.readyState !== EventSource.OPEN)) plan(POLL);
    }, wait);
  }

  function listen() {
    if (left || (stream && stream.readyState !== EventSource.CLOSED)) return;
    stream = new EventSource("/.nightlatch/events");
    stream.addEventListener("ended", leave);
    stream.addEventListener("error", () => {
      // Browsers open it again by themselves, unless it was refused for good.
      plan(AGAIN);
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, POLL);
    });
  }

  function look() {
    if (left) return;
    ask();
    listen();
  }

  addEventListener("beforeunload", () => {
    goneSince = Date.now();
  });
  addEventListener("pageshow", look);
  addEventListener("online", look);
  addEventListener("pagehide", () => {
    if (stream) stream.close();
    stream = null;
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") look();
  });
  if (document.readyState === "complete") look();
})();
