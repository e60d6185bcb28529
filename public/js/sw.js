// The worker of the installed app. It does one thing: when a page cannot be loaded, it brings the one that says so. That page
// is all it keeps; no picture, no page of anybody's, no script. It goes with the session: signing out clears the storage of
// this origin, and with it the worker. A new build is a new address of this script, so that the page is fetched anew.

const SHELF = `atelier-${self.location.search}`;
const PAGE = "/offline";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELF).then((shelf) => shelf.add(new Request(PAGE, { cache: "no-store" }))));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== SHELF) await caches.delete(name);
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate" || event.request.method !== "GET") return;
  const page = async () => (await caches.match(PAGE)) ?? Response.error();
  event.respondWith(fetch(event.request).catch(page));
});
