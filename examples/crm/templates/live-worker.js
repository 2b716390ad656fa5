// One stream for all tabs of this browser: over HTTP/1.1 a browser opens six connections to a
// host, and a seventh tab with a stream of its own would wait for ever.
"use strict";
const ports = new Set();
let stream;
const say = (news) => { for (const port of ports) port.postMessage(news); };
const listen = () => {
  stream?.close();
  stream = new EventSource("/events");
  stream.addEventListener("ended", () => { stream.close(); say({ type: "ended" }); });
  stream.addEventListener("changed", (event) => say({ type: "changed", path: event.data }));
};
addEventListener("connect", ({ ports: [port] }) => {
  ports.add(port);
  port.addEventListener("message", (event) => {
    if (event.data === "leave") ports.delete(port);
    else listen();
  });
  port.start();
  // Anew for each page, so that the stream is that of whoever is signed in now.
  listen();
});
