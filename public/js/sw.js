// The worker of the installed app. It does one thing: when a page cannot be loaded, it brings the one that says so. That page
// is all it keeps; no picture, no page of anybody's, no script. It goes with the session: signing out clears the storage of
// this origin, and with it the worker. A new build is a new address of this script, so that the page is fetched anew.

const SHELF = `atelier-${self.location.search}`;
const PAGE = "/offline";

self.addEventListener("install", (event) => {
  // Only pages come by here, where a browser can be told so: hundreds of pictures a second have nothing to ask of a worker.
  const others = ["no-cors", "cors", "same-origin"].map((requestMode) => ({ requestMode }));
  event.addRoutes?.({ condition: { or: others }, source: "network" }).catch(() => {});
  event.waitUntil(caches.open(SHELF).then((shelf) => shelf.add(new Request(PAGE, { cache: "no-store" }))));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  const old = async () => {
    for (const name of await caches.keys()) if (name !== SHELF) await caches.delete(name);
    // A page is fetched while the worker is still being woken.
    await self.registration.navigationPreload?.enable();
  };
  event.waitUntil(old());
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode !== "navigate" || event.request.method !== "GET") return;
  const loaded = async () => (await event.preloadResponse) ?? fetch(event.request);
  const page = async () => (await caches.match(PAGE)) ?? Response.error();
  event.respondWith(loaded().catch(page));
});
