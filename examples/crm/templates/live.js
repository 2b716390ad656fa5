// Empties the page as soon as the session is over, and tells of changes by others.
"use strict";
let isLoggingOut = false;
addEventListener("submit", (event) => {
  isLoggingOut = new URL(event.target.action).pathname === "/log-out";
});
const leave = () => {
  // First the page, then the network, which may be slow.
  document.body.replaceChildren();
  document.title = "Brightwater CRM";
  // This page's own Log out is on its way to the provider; loading would break it off.
  if (!isLoggingOut) location.replace(location.href);
};
const hear = (news) => {
  if (news.type === "ended") leave();
  const { record } = document.body.dataset;
  const isHere = record && (news.path === record || news.path?.startsWith(`${record}/`));
  if (isHere) document.getElementById("changed").hidden = false;
};
// The connection may have died while the computer slept.
let look;
if (window.SharedWorker) {
  const { port } = new SharedWorker("/live-worker.js");
  port.addEventListener("message", (event) => hear(event.data));
  port.start();
  look = () => port.postMessage("look");
  addEventListener("pagehide", () => port.postMessage("leave"));
} else {
  let stream;
  look = () => {
    stream?.close();
    stream = new EventSource("/events");
    stream.addEventListener("ended", () => { stream.close(); hear({ type: "ended" }); });
    stream.addEventListener("changed", (event) => hear({ type: "changed", path: event.data }));
  };
  look();
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", () => look());
addEventListener("pageshow", (event) => { if (event.persisted) leave(); });
