// One picture at a time: over the gallery in a dialog, or on its page. Whatever this does can be done without it by the links
// and forms of the page; it spares the waiting, keeps the place, and adds keys, zoom and copying.
//
// An open dialog is one step of history, however many pictures were looked at in it: back closes it and finds the gallery
// where it was.

import { areSingleKeysOff, switchSingleKeys } from "./typing.js";

const SWIPE_PX = 60;
const PAN_PX = 120;
const TOAST_MS = 4_000;

const article = () => document.querySelector("dialog.viewer-dialog[open] article.viewer, main article.viewer");
const dialog = () => document.querySelector("dialog.viewer-dialog[open]");
const words = () => JSON.parse(article()?.dataset.words ?? "{}");
const part = (selector) => article()?.querySelector(selector);

// --- Saying something ----------------------------------------------------------------------------------------------------

let hushing;

function say(sentence) {
  const place = dialog() ?? document.body;
  let toast = place.querySelector(":scope > .viewer-toast");
  if (!toast) {
    toast = Object.assign(document.createElement("div"), { className: "viewer-toast", role: "status" });
    place.append(toast);
  }
  toast.textContent = sentence;
  clearTimeout(hushing);
  hushing = setTimeout(() => (toast.textContent = ""), TOAST_MS);
}

// --- Pages that come beforehand ------------------------------------------------------------------------------------------

const pages = new Map();
const MOST_PAGES = 12;

async function read(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = page.querySelector("article.viewer");
  if (!found) throw new Error("no picture");
  return { html: found.outerHTML, title: page.title };
}

function page(address) {
  if (!pages.has(address)) {
    const coming = read(address);
    coming.catch(() => pages.delete(address));
    pages.set(address, coming);
    if (pages.size > MOST_PAGES) pages.delete(pages.keys().next().value);
  }
  return pages.get(address);
}

/** Loads a neighbour and its picture, so that the next step shows it at once. */
async function prepare(address) {
  if (!address) return;
  try {
    const found = new DOMParser().parseFromString((await page(address)).html, "text/html").querySelector(".stage-picture img");
    if (!found) return;
    const image = new Image();
    image.sizes = found.sizes;
    image.srcset = found.srcset;
    image.src = found.src;
    await image.decode();
  } catch {
    // It will be asked for again when it is wanted.
  }
}

// --- Showing -------------------------------------------------------------------------------------------------------------

/** Puts another picture in the place of the present one. */
function show({ html, title }) {
  const old = article();
  const focused = old?.contains(document.activeElement) ? document.activeElement.dataset.act : undefined;
  const infoOff = old?.classList.contains("without-panel");
  const next = new DOMParser().parseFromString(html, "text/html").querySelector("article.viewer");
  old.replaceWith(document.adoptNode(next));
  next.classList.toggle("without-panel", infoOff === true);
  document.title = title;
  wake();
  const again = focused && next.querySelector(`[data-act="${focused}"]`);
  (again || dialog())?.focus?.();
}

let wanted = 0;

async function go(address) {
  if (!address) return;
  const turn = (wanted += 1);
  try {
    const next = await page(address);
    if (turn !== wanted) return;
    history.replaceState(history.state, "", address);
    show(next);
  } catch {
    if (turn === wanted) location.assign(address);
  }
}

/** What the script alone can do appears; neighbours are fetched. */
function wake() {
  const shown = article();
  if (!shown) return;
  const picture = shown.querySelector(".stage-picture");
  for (const button of shown.querySelectorAll("[data-act][hidden]")) {
    const act = button.dataset.act;
    if (act.startsWith("pan-") || (act === "zoom" && !picture)) continue;
    if (act.startsWith("copy-") && !navigator.clipboard) continue;
    button.hidden = false;
  }
  const keys = shown.querySelector('[data-part="keys"]');
  if (keys) {
    keys.hidden = false;
    keys.querySelector("input").checked = !areSingleKeysOff();
  }
  const info = shown.querySelector('[data-act="info"]');
  info?.setAttribute("aria-pressed", String(!shown.classList.contains("without-panel")));
  if (picture) hold(picture);
  prepare(shown.dataset.older);
  prepare(shown.dataset.newer);
}

// --- The dialog over the gallery -----------------------------------------------------------------------------------------

let opener;
let before = document.title;

async function open(link) {
  opener = link;
  before = document.title;
  const address = within(link.getAttribute("href"));
  let found;
  try {
    found = await page(address);
  } catch {
    location.assign(address);
    return;
  }
  const frame = document.createElement("dialog");
  frame.className = "viewer-dialog";
  frame.tabIndex = -1;
  frame.innerHTML = found.html;
  frame.setAttribute("aria-label", JSON.parse(frame.firstElementChild.dataset.words).viewer);
  document.body.append(frame);
  history.pushState({ viewer: true }, "", address);
  document.title = found.title;
  frame.addEventListener("cancel", (event) => {
    event.preventDefault();
    history.back();
  });
  frame.showModal();
  document.documentElement.dataset.viewing = "";
  frame.focus();
  wake();
}

/** The address of a picture in the view that the gallery shows. */
function within(address) {
  const url = new URL(address, location.href);
  const view = new URLSearchParams(document.querySelector("[data-gallery]")?.dataset.gallery ?? "");
  for (const [name, value] of view) if (!url.searchParams.has(name)) url.searchParams.append(name, value);
  return url.pathname + url.search;
}

function close() {
  const frame = dialog();
  if (!frame) return;
  const { id, place } = article().dataset;
  // A step that was still on its way leads nowhere any more.
  wanted += 1;
  frame.close();
  frame.remove();
  delete document.documentElement.dataset.viewing;
  pages.clear();
  document.title = before;
  // The tile of what was looked at last, if the gallery has it by now; else the one that was pressed.
  const tiles = [...document.querySelectorAll(`.tile a[href^="/g/${id}"]`)];
  const at = (tile) => new URL(tile.href).searchParams.get("i") ?? "0";
  const tile = tiles.find((tile) => at(tile) === place) ?? opener;
  tile?.focus({ preventScroll: tile === opener });
  opener = undefined;
}

addEventListener("popstate", () => {
  if (!history.state?.viewer) close();
  else if (!dialog()) location.reload(); // forward again, to a page of its own
});

// --- Copying, marking, sharing -------------------------------------------------------------------------------------------

async function copy(text, sentence) {
  try {
    await navigator.clipboard.writeText(text);
    say(sentence);
  } catch {
    say(words().failed);
  }
}

const send = (form) =>
  fetch(form.action, { method: "POST", headers: { accept: "application/json" }, body: new URLSearchParams(new FormData(form)) });

/** Sends a form of marks, and turns its button into the other one. */
async function mark(form) {
  const act = form.elements.act.value;
  const answer = await send(form).catch(() => undefined);
  if (!answer?.ok) return say(words().failed);
  say(words()[act]);
  pages.clear();
  const { id } = article().dataset;
  for (const tile of document.querySelectorAll(`.tile[data-id="${id}"]`)) {
    if (act === "favourite") tile.dataset.favourite = "";
    if (act === "unfavourite") delete tile.dataset.favourite;
  }
  if (act === "trash") takeOut(id);
  const { older, newer } = article().dataset;
  if (act === "trash" && (older || newer)) return go(older ?? newer);
  const button = form.querySelector("button");
  const other = { favourite: "unfavourite", unfavourite: "favourite", trash: "restore", restore: "trash" };
  form.elements.act.value = other[act];
  const name = button.dataset.other;
  button.dataset.other = button.getAttribute("aria-label");
  button.setAttribute("aria-label", name);
  button.title = name;
  button.dataset.on = String(act === "favourite" || act === "trash");
}

/** What went into the trash is gone from the rows behind, too. */
function takeOut(id) {
  for (const tile of document.querySelectorAll(`[data-gallery] .tile[data-id="${id}"]`)) tile.remove();
  document.querySelector("[data-gallery]")?.dispatchEvent(new Event("gallery:changed"));
}

async function share(form) {
  const answer = await send(form).catch(() => undefined);
  if (!answer?.ok) return say(words().failed);
  const { url } = await answer.json();
  await anew();
  await copy(url, words().link);
}

async function revoke(form) {
  const answer = await send(form).catch(() => undefined);
  if (!answer?.ok) return say(words().failed);
  await anew();
}

/** Draws the present picture again as the server knows it now. */
async function anew() {
  const address = location.pathname + location.search;
  pages.delete(address);
  show(await page(address));
  const shared = part('[data-part="share"]');
  if (shared) shared.open = true;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!article()?.contains(form)) return;
  const how = { favourite: mark, trash: mark, share, revoke }[form.dataset.form];
  if (!how) return;
  event.preventDefault();
  how(form);
});

// What was marked in another tab: the buttons say so, and the neighbours may be others.
addEventListener("atelier:marks", async () => {
  pages.clear();
  const shown = article();
  const found = shown && (await read(location.pathname + location.search).catch(() => undefined));
  if (!found || shown !== article()) return;
  const next = new DOMParser().parseFromString(found.html, "text/html").querySelector("article.viewer");
  for (const name of ["favourite", "trash"]) {
    const [old, now] = [shown, next].map((of) => of.querySelector(`[data-form="${name}"]`));
    if (!old || !now || old.elements.act.value === now.elements.act.value) continue;
    const focused = old.contains(document.activeElement);
    old.replaceWith(now);
    if (focused) now.querySelector("button").focus();
  }
  for (const way of ["older", "newer"]) {
    if (way in next.dataset) shown.dataset[way] = next.dataset[way];
    else delete shown.dataset[way];
  }
});

// --- Zoom ----------------------------------------------------------------------------------------------------------------

const zoomed = () => part(".stage-picture[data-zoom]");

/** Fits the picture into the window, or shows a pixel of it on every pixel of the screen; `at` stays where it is. */
function zoom(at) {
  const picture = part(".stage-picture");
  if (!picture) return;
  const image = picture.querySelector("img");
  const large = !picture.hasAttribute("data-zoom");
  const box = image.getBoundingClientRect();
  const [x, y] = at ? [(at.x - box.left) / box.width, (at.y - box.top) / box.height] : [0.5, 0.5];
  picture.toggleAttribute("data-zoom", large);
  if (large) {
    image.dataset.sizes = image.sizes;
    image.sizes = `${image.getAttribute("width")}px`;
    image.style.width = `${Number(image.getAttribute("width")) / devicePixelRatio}px`;
    image.style.height = `${Number(image.getAttribute("height")) / devicePixelRatio}px`;
    picture.scrollLeft = x * picture.scrollWidth - picture.clientWidth / 2;
    picture.scrollTop = y * picture.scrollHeight - picture.clientHeight / 2;
  } else {
    image.sizes = image.dataset.sizes ?? image.sizes;
    image.style.width = image.style.height = "";
  }
  for (const button of article().querySelectorAll('[data-act^="pan-"]')) button.hidden = !large;
  const button = part('[data-act="zoom"]');
  button.setAttribute("aria-pressed", String(large));
  button.querySelector("span").textContent = large ? words().fit : words().zoom;
}

function pan(x, y) {
  zoomed()?.scrollBy({ left: x * PAN_PX, top: y * PAN_PX });
}

const PANS = { "pan-left": [-1, 0], "pan-right": [1, 0], "pan-up": [0, -1], "pan-down": [0, 1] };

/** Dragging moves a large picture; of one that fits, it goes to the next; two fingers zoom. */
function hold(picture) {
  // A link would be dragged away instead.
  picture.draggable = false;
  const fingers = new Map();
  let spread = 0;
  const distance = () => {
    const [one, other] = [...fingers.values()];
    return Math.hypot(one.x - other.x, one.y - other.y);
  };
  picture.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, from: event.clientX, moved: false });
    if (fingers.size === 2) spread = distance();
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    const [dx, dy] = [event.clientX - finger.x, event.clientY - finger.y];
    Object.assign(finger, { x: event.clientX, y: event.clientY, moved: finger.moved || Math.abs(event.clientX - finger.from) > 4 });
    if (fingers.size === 2) {
      const large = picture.hasAttribute("data-zoom");
      if ((!large && distance() > spread * 1.25) || (large && distance() < spread * 0.8)) {
        spread = distance();
        zoom({ x: event.clientX, y: event.clientY });
      }
    } else if (picture.hasAttribute("data-zoom")) {
      picture.scrollLeft -= dx;
      picture.scrollTop -= dy;
    }
  });
  const end = (event) => {
    const finger = fingers.get(event.pointerId);
    const alone = fingers.size === 1;
    fingers.delete(event.pointerId);
    if (!finger) return;
    picture.dataset.moved = String(finger.moved);
    if (!alone || picture.hasAttribute("data-zoom") || event.type === "pointercancel") return;
    const way = event.clientX - finger.from;
    if (Math.abs(way) > SWIPE_PX) go(way < 0 ? article().dataset.older : article().dataset.newer);
  };
  picture.addEventListener("pointerup", end);
  picture.addEventListener("pointercancel", end);
  picture.addEventListener("dblclick", (event) => zoom({ x: event.clientX, y: event.clientY }));
  // The link to the file is for those without a script; here the same press looks closer.
  picture.addEventListener("click", (event) => {
    if (!event.metaKey && !event.ctrlKey && !event.shiftKey) event.preventDefault();
  });
}

// --- Pressing ------------------------------------------------------------------------------------------------------------

function info() {
  const shown = article();
  const without = shown.classList.toggle("without-panel");
  part('[data-act="info"]')?.setAttribute("aria-pressed", String(!without));
}

function toShare() {
  const place = part('[data-part="share"]');
  if (!place) return;
  if (article().classList.contains("without-panel")) info();
  place.open = true;
  place.scrollIntoView({ block: "nearest" });
  place.querySelector("select")?.focus();
}

const ACTS = {
  close: () => (dialog() ? history.back() : location.assign(part('[data-act="close"]').href)),
  prev: () => go(article().dataset.newer),
  next: () => go(article().dataset.older),
  zoom: () => zoom(),
  info,
  "copy-prompt": () => copy(JSON.parse(article().dataset.prompt), words().prompt),
  "copy-seed": () => copy(part('[data-act="copy-seed"]').dataset.value, words().seed),
  "copy-link": (button) => copy(button.dataset.value, words().link),
};

document.addEventListener("click", (event) => {
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!plain || event.defaultPrevented) return;
  const pressed = event.target.closest?.("[data-act]");
  if (pressed && article()?.contains(pressed)) {
    const act = pressed.dataset.act;
    if (PANS[act]) pan(...PANS[act]);
    else if (ACTS[act]) {
      event.preventDefault();
      ACTS[act](pressed);
    }
    return;
  }
  const small = event.target.closest?.(".strip a");
  if (small && article()?.contains(small)) {
    event.preventDefault();
    go(small.getAttribute("href"));
    return;
  }
  const tile = event.target.closest?.("[data-gallery] .tile a[href^='/g/']");
  if (tile && !dialog()) {
    event.preventDefault();
    open(tile);
  }
});

document.addEventListener("change", async ({ target }) => {
  if (target.dataset?.act === "keys" && !(await switchSingleKeys(target.checked))) say(words().failed);
});

/** Presses a form's button, as a person would. */
const press = (form) => part(`[data-form="${form}"]`)?.requestSubmit();

const KEYS = {
  j: () => go(article().dataset.older),
  k: () => go(article().dataset.newer),
  z: () => zoom(),
  i: info,
  c: () => ACTS["copy-prompt"](),
  r: () => press("remix"),
  f: () => press("favourite"),
  d: () => part('[data-act="download"]')?.click(),
  s: toShare,
  Delete: () => press("trash"),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.addEventListener("keydown", (event) => {
  // The gallery behind an open dialog rests.
  if (dialog()) event.stopPropagation();
  if (!article() || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input, select, textarea, video, audio, [contenteditable]")) return;
  const arrow = ARROWS[event.key];
  if (arrow && zoomed()) pan(...arrow);
  else if (event.key === "ArrowLeft") go(article().dataset.newer);
  else if (event.key === "ArrowRight") go(article().dataset.older);
  else if (KEYS[event.key] && (event.key === "Delete" || !areSingleKeysOff())) KEYS[event.key]();
  else return;
  event.preventDefault();
});

// --- Two beside each other, and paper ------------------------------------------------------------------------------------

for (const compare of document.querySelectorAll("[data-compare]")) {
  const slider = compare.querySelector("input[type=range]");
  const draw = () => compare.style.setProperty("--at", `${slider.value}%`);
  compare.classList.add("awake");
  slider.hidden = false;
  const note = document.getElementById("compare-note");
  if (note) note.hidden = false;
  slider.addEventListener("input", draw);
  draw();
}

for (const button of document.querySelectorAll('[data-act="print"]')) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

wake();
