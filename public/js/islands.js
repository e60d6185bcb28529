// Wakes the islands once the browser has nothing better to do, and lets it draw and listen between one and the next. The
// last of a page wakes first: the button, which stands above its cards, answers only when they are there to take one.

const code = new URL("../atelier.js", import.meta.url).href;

const PATIENCE_MS = 1_000; // a page that is never idle, or not in front, wakes all the same

const idle = () => new Promise((turn) => (window.requestIdleCallback ? requestIdleCallback(turn, { timeout: PATIENCE_MS }) : setTimeout(turn)));
const turn = () => new Promise((turn) => setTimeout(turn));

await idle();
const islands = await import(code);
await islands.default({ module_or_path: code.replace(/js$/, "wasm") });
islands.hydrate();
for (const island of [...document.querySelectorAll("leptos-island")].reverse()) {
  await turn();
  islands[island.dataset.component](island);
}
