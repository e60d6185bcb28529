// What is on the page: the view as the address says it, more of it as it is needed, and what is new above it.
//
// The server's pages are the only truth: every change fetches one and takes its parts over. Whatever somebody looks at stays
// where it is: what is older comes below, what is new waits behind a button, unless nobody is at work at the top.

import { goOn, isBroken, isHalfPast, mend, wakeRows } from "./rows.js";

const AHEAD = "250%"; // how far below the window the next page is fetched
const PAGES_BY_ITSELF = 5; // then the link waits for somebody, and the last line of the page can be reached
const TYPING_MS = 250;
const NEWS_MS = 300;
const HIGH = 400; // no row is higher
const SLICE = 12_000; // so many characters of a page are read before the next frame may be drawn
const IDLE_MS = 200; // where a browser cannot say that nothing is to be done
const REST_MS = 3_000; // so long nobody has done anything, and what is new may come by itself

let root;
let address; // of the view, whatever picture is open over it
let appended = 0; // pages below the first
let byItself = 0;
let asking;
let observer;
const heard = new Set(); // generations that ended well since the page was made

export const words = () => JSON.parse(root.dataset.words);
export const results = () => document.getElementById("gallery-results");
export const tiles = () => [...results().querySelectorAll(".tile")];
export const say = (template, n) => template.replace("{n}", Number(n).toLocaleString(document.documentElement.lang));

// Resolves to the document at an address of ours; rejects when it is not what was asked for.
async function fetched(url, signal) {
  const answer = await fetch(url, { headers: { accept: "text/html" }, signal });
  if (!answer.ok || answer.redirected) throw new Error(`${answer.status}`);
  const page = await parsed(await answer.text());
  if (!page.getElementById("gallery-results")) throw new Error("no gallery");
  // The grid is one stop of the tabulator, and has it already.
  for (const stop of page.querySelectorAll(".tile > a, .pick")) stop.tabIndex = -1;
  return page;
}

// Calls when there is nothing else to do.
const idle = globalThis.requestIdleCallback ?? ((call) => setTimeout(call, IDLE_MS));

// Lets go, so that a frame may be drawn.
const breath = () => globalThis.scheduler?.yield?.() ?? new Promise((later) => setTimeout(later));

// A document that runs and loads nothing. It is read in slices: nobody who scrolls waits for the whole.
async function parsed(text) {
  const page = document.implementation.createHTMLDocument();
  page.open();
  for (let at = 0; at < text.length; at += SLICE) {
    if (at) await breath();
    page.write(text.slice(at, at + SLICE));
  }
  page.close();
  return page;
}

const newest = () => (root.dataset.gallery ? `/gallery?${root.dataset.gallery}` : "/gallery");

// The tile at the top of the window, and how far from it: what must not move.
export function anchor(without = () => false) {
  const isBelow = (element) => element.getBoundingClientRect().bottom > 80;
  // By lists first: of those far above nothing is laid out.
  const near = [...results().querySelectorAll(".rows")].filter(isBelow);
  const tile = near.flatMap((list) => [...list.children]).find((tile) => isBelow(tile) && !without(tile));
  return tile && { key: keyOf(tile), top: tile.getBoundingClientRect().top };
}

export function holdTo(place) {
  const tile = place && tiles().find((tile) => keyOf(tile) === place.key);
  if (tile) scrollBy({ top: tile.getBoundingClientRect().top - place.top, behavior: "instant" });
}

function mendInPlace() {
  const place = anchor();
  mend(results());
  holdTo(place);
}

// What is above may take its true height only once it is near: look again for a few frames.
async function settle(place) {
  for (let frame = 0; frame < 4; frame++) {
    holdTo(place);
    await new Promise(requestAnimationFrame);
  }
}

export const keyOf = (tile) => tile.querySelector("a").pathname + tile.dataset.file;

function take(page) {
  const next = page.getElementById("gallery-results");
  results().replaceChildren(...next.childNodes);
  results().dataset.choices = next.dataset.choices;
  for (const part of ["#gallery-count", "#gallery-way", "#marks", ".shelves", '.side nav a[href="/gallery"]']) {
    const [here, there] = [document, page].map((of) => of.querySelector(part));
    if (here.innerHTML !== there.innerHTML) here.replaceChildren(...there.childNodes);
  }
  const now = page.querySelector("[data-gallery]");
  root.dataset.gallery = now.dataset.gallery;
  root.dataset.marks = now.dataset.marks;
  root.toggleAttribute("data-trash", "trash" in now.dataset);
  watch();
  root.dispatchEvent(new Event("gallery:changed"));
}

// Puts a page's days below what is there, and stops at the day it is at whenever a frame may be drawn. A day that goes on stays
// under its heading; a row that somebody sees goes on only for whoever `asked`.
function* append(page, asked) {
  const here = results();
  const pager = here.querySelector(".pager");
  const may = asked || pager.getBoundingClientRect().top > innerHeight + HIGH;
  for (const section of page.querySelectorAll("#gallery-results .day")) {
    const last = [...here.querySelectorAll(".day")].at(-1);
    const tiles = [...section.querySelectorAll(".tile")];
    const goesOn = last?.dataset.day === section.dataset.day;
    const day = goesOn ? last : section;
    if (!goesOn) {
      section.querySelector(".rows").replaceChildren();
      here.insertBefore(section, pager);
    }
    for (const _ of goOn(day, tiles, may || !goesOn)) yield day;
  }
  const further = page.querySelector("#gallery-results .pager");
  if (further) pager.replaceWith(further);
  else pager.remove();
  watch();
  root.dispatchEvent(new Event("gallery:changed"));
}

export async function older(asked = true) {
  const link = results().querySelector("a[rel=next]");
  if (!link || link.ariaBusy) return;
  link.ariaBusy = "true";
  try {
    const page = await fetched(link.href);
    if (!link.isConnected) return;
    appended += 1;
    for (const day of append(page, asked)) {
      await breath();
      // Another view came meanwhile.
      if (!link.isConnected) return;
      // All that was there of the day was deleted meanwhile, and the day with it.
      if (!day.isConnected) return refresh(true);
    }
  } catch {
    // The link is still there.
    link.ariaBusy = null;
    delete link.closest(".pager").dataset.coming;
  }
}

function watch() {
  observer?.disconnect();
  observer = new IntersectionObserver(
    (seen) => {
      if (!seen.some((entry) => entry.isIntersecting) || byItself >= PAGES_BY_ITSELF) return;
      byItself += 1;
      older(false);
    },
    { rootMargin: `0px 0px ${AHEAD} 0px` },
  );
  const pager = results().querySelector(".pager");
  if (!pager) return;
  pager.toggleAttribute("data-coming", byItself < PAGES_BY_ITSELF);
  observer.observe(pager);
}

// What somebody did here that no page of the server knows: chosen boxes, the focus, pictures that are drawn already.
function remember() {
  const drawn = new Map(tiles().map((tile) => [keyOf(tile), tile.querySelector("a")]));
  const chosen = new Set([...results().querySelectorAll(".pick:checked")].map((pick) => pick.value));
  const focused = document.activeElement.closest?.(".tile");
  const [key, what] = focused ? [keyOf(focused), document.activeElement.matches(".pick") ? ".pick" : "a"] : [];
  return () => {
    for (const tile of tiles()) {
      const link = drawn.get(keyOf(tile));
      if (link) tile.querySelector("a").replaceWith(link);
      if (chosen.has(tile.dataset.id)) tile.querySelector(".pick").checked = true;
      if (keyOf(tile) === key) tile.querySelector(what).focus({ preventScroll: true });
    }
    root.dispatchEvent(new Event("gallery:changed"));
  };
}

// The pages after this one, as many of them as there are. Each says where the next begins: after what came and went since,
// that is not where it began before.
async function following(page, count, signal) {
  const found = [];
  while (found.length < count) {
    const url = page.querySelector("#gallery-results a[rel=next]")?.getAttribute("href");
    if (!url) break;
    page = await fetched(url, signal);
    found.push(page);
  }
  return found;
}

function goOnWith(further) {
  appended = further.length;
  for (const page of further) for (const _ of append(page, true));
}

// Shows another view; what was asked for before is asked for no more. What nobody asked for is `quiet`: it comes or it does not.
export async function show(url, { push = false, keep = false, quiet = false } = {}) {
  asking?.abort();
  const mine = (asking = new AbortController());
  if (!quiet) results().ariaBusy = "true";
  try {
    const page = await fetched(url, mine.signal);
    const further = keep ? await following(page, appended, mine.signal) : [];
    const place = keep ? anchor() : undefined;
    const giveBack = keep ? remember() : undefined;
    if (push) history[push === "push" ? "pushState" : "replaceState"](null, "", url);
    if (!keep) [address, byItself] = [url, 0];
    take(page);
    goOnWith(further);
    giveBack?.();
    if (keep) await settle(place);
  } catch (error) {
    // A page that could not be had is asked for again as a page, which says why.
    if (error.name !== "AbortError" && !quiet) location.assign(url);
  } finally {
    if (asking === mine) results().ariaBusy = null;
  }
}

// The same view once more, as far as it was loaded, with what is looked at where it is.
export const refresh = (quiet = false) => show(address, { keep: true, quiet });

function wakeSearch() {
  const form = document.getElementById("gallery-filters");
  let timer;
  let pushed = 0;
  const ask = () => {
    const fields = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const query = fields.toString();
    const push = Date.now() - pushed > 2_000 ? "push" : "replace";
    pushed = Date.now();
    show(query ? `/gallery?${query}` : "/gallery", { push });
  };
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(ask, TYPING_MS);
  };
  form.addEventListener("input", (event) => {
    // While a word is being composed it is no word yet.
    if (!event.isComposing) soon();
  });
  form.addEventListener("compositionend", soon);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    document.getElementById("gallery-more").hidePopover?.();
    ask();
  });
  addEventListener("popstate", () => {
    // A picture that is looked at over the gallery closes or opens; the view is as it was.
    if (document.querySelector("dialog.viewer-dialog") || location.pathname !== "/gallery") return;
    const asked = new URLSearchParams(location.search);
    for (const field of form.elements) {
      if (field.name && field.type !== "hidden") field.value = asked.get(field.name) ?? "";
    }
    show(location.pathname + location.search);
  });
}

// At the top of the page, with nothing under the pointer or the keyboard, nothing chosen, and nothing open above it.
let actedAt = 0;
const isAtRest = () =>
  performance.now() - actedAt > REST_MS &&
  scrollY === 0 &&
  !("choosing" in root.dataset) &&
  !new URLSearchParams(location.search).has("before") &&
  !results().matches(":hover, :focus-within") &&
  !document.querySelector("dialog[open], :popover-open");

function wakeNews() {
  const slot = document.getElementById("gallery-new");
  let timer;
  let resting;
  for (const act of ["pointermove", "pointerdown", "keydown", "scroll"]) {
    addEventListener(act, () => (actedAt = performance.now()), { passive: true });
  }
  const comeByItself = () => {
    if (!slot.firstChild) return;
    if (isAtRest()) show(newest());
    else resting = setTimeout(comeByItself, 1_000);
  };
  const look = async () => {
    const page = await fetched(newest()).catch(() => undefined);
    const there = new Set([...(page?.querySelectorAll(".tile") ?? [])].map((tile) => tile.dataset.id));
    const here = new Set(tiles().map((tile) => tile.dataset.id));
    const count = [...heard].filter((id) => there.has(id) && !here.has(id)).length;
    if (!count) return slot.replaceChildren();
    const pill = document.createElement("button");
    Object.assign(pill, { type: "button", className: "button pill", textContent: `${say(words().new, count)} ↑` });
    slot.replaceChildren(pill);
    clearTimeout(resting);
    comeByItself();
  };
  const go = async () => {
    slot.replaceChildren();
    if (new URLSearchParams(location.search).has("before")) return location.assign(newest());
    await show(newest());
    scrollTo({ top: 0, behavior: "instant" });
    tiles()[0]?.querySelector("a").focus({ preventScroll: true });
  };
  slot.addEventListener("click", (event) => event.target.closest("button") && go());
  root.addEventListener("gallery:top", () => slot.firstChild && go());
  root.addEventListener("gallery:changed", () => {
    if (!heard.size) return;
    const here = new Set(tiles().map((tile) => tile.dataset.id));
    for (const id of heard) if (here.has(id)) heard.delete(id);
    if (!heard.size) slot.replaceChildren();
  });
  addEventListener("atelier:state", ({ detail }) => {
    const { generation } = JSON.parse(detail);
    if (generation?.phase !== "succeeded" || tiles().some((tile) => tile.dataset.id === generation.id)) return;
    heard.add(generation.id);
    clearTimeout(timer);
    timer = setTimeout(look, NEWS_MS);
  });
}

// Back from a picture, or loaded again: as far down as before, with the same tile at the same place.
function wakePlace() {
  const key = () => `atelier-gallery:${location.pathname}${location.search}`;
  addEventListener("pagehide", () => {
    const focused = document.activeElement.closest?.(".tile");
    const place = { appended, at: anchor(), focused: focused && keyOf(focused) };
    try {
      sessionStorage.setItem(key(), JSON.stringify(place));
    } catch {
      // No room, or none allowed: the browser's own memory of the place remains.
    }
  });
  const [{ type } = {}] = performance.getEntriesByType("navigation");
  const kept = type === "back_forward" || type === "reload" ? sessionStorage.getItem(key()) : undefined;
  if (!kept) return;
  const place = JSON.parse(kept);
  history.scrollRestoration = "manual";
  const back = async () => {
    goOnWith(await following(document, place.appended).catch(() => []));
    const focused = tiles().find((tile) => keyOf(tile) === place.focused);
    focused?.querySelector("a").focus({ preventScroll: true });
    await settle(place.at);
  };
  back();
}

export function wakePage(gallery) {
  root = gallery;
  address = location.pathname + location.search;
  wakeRows(results());
  root.addEventListener("gallery:changed", () => {
    if (isBroken(results())) mendInPlace();
    // To ask where lists are would lay out what has just come before its frame; nobody sees those that this is about.
    idle(() => isHalfPast(results()) && mendInPlace());
  });
  wakePlace();
  watch();
  wakeSearch();
  wakeNews();
  root.addEventListener("click", async (event) => {
    const link = event.target.closest("a[rel=next]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    byItself = 0;
    const last = tiles().at(-1);
    await older();
    tiles()[tiles().indexOf(last) + 1]?.querySelector("a").focus();
  });
}
