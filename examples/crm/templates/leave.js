// Leaves the page as soon as the session is over, and when the browser brings a page back from memory.
"use strict";
const leave = () => location.replace("/signed-out");
new EventSource("/events").addEventListener("ended", leave);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
