// Choosing, marking and undoing. The boxes are the form's own; what is done goes to the same address as without a script.

import { marked } from "./elsewhere.js";
import { anchor, holdTo, refresh, results, say, tiles, words } from "./page.js";
import { mend } from "./rows.js";

const TOAST_MS = 8_000;
const HELD_MS = 500; // a long press

let root;
let form;
let from; // where a range begins
let undo;
let timer;

const picks = () => [...results().querySelectorAll(".pick")];
const all = () => form.elements.all;
export const chosen = () => new Set([...results().querySelectorAll(".pick:checked")].map((pick) => pick.value));

export const isChoosing = () => "choosing" in root.dataset;

function told() {
  const count = all()?.checked ? Number(results().dataset.choices) : chosen().size;
  document.getElementById("gallery-chosen").textContent = count ? say(words().selected, count) : "";
  root.toggleAttribute("data-chosen", count > 0);
  document.getElementById("gallery-unselect").hidden = false;
}

function setMode(on) {
  root.toggleAttribute("data-choosing", on);
  document.getElementById("gallery-select").ariaPressed = String(on);
}

function setPick(id, on) {
  for (const pick of picks()) if (pick.value === id) pick.checked = on;
}

export function choose(tile, { range = false, on = range || !tile.querySelector(".pick").checked } = {}) {
  const id = tile.dataset.id;
  const here = tiles();
  const [first, last] = [here.indexOf(from), here.indexOf(tile)].sort((a, b) => a - b);
  if (range && first >= 0) here.slice(first, last + 1).forEach((each) => setPick(each.dataset.id, true));
  else setPick(id, on);
  if (!on && all()) all().checked = false;
  from = tile;
  setMode(true);
  told();
}

export function chooseAll() {
  all().checked = true;
  picks().forEach((pick) => (pick.checked = true));
  setMode(true);
  told();
}

// Whether there was anything to let go of.
export function unchoose() {
  const any = root.hasAttribute("data-chosen") || isChoosing();
  if (all()) all().checked = false;
  picks().forEach((pick) => (pick.checked = false));
  from = undefined;
  setMode(false);
  told();
  return any;
}

async function send(fields) {
  const answer = await fetch("/gallery/marks", {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: fields.toString(),
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

function toast(text, way) {
  const box = document.getElementById("gallery-toast");
  box.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }));
  undo = way;
  if (way) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: words().undo });
    button.addEventListener("click", takeBack);
    box.append(button);
  }
  box.dataset.shown = "";
  hideSoon();
}

function hideSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    const box = document.getElementById("gallery-toast");
    delete box.dataset.shown;
    box.replaceChildren();
  }, TOAST_MS);
}

export async function takeBack() {
  if (!undo) return false;
  const way = undo;
  undo = undefined;
  try {
    await send(new URLSearchParams(way));
    await refresh();
    toast(words().undone);
  } catch {
    toast(words().failed, way);
  }
  return true;
}

const leaves = (act) =>
  ["trash", "restore", "purge", "uncollect"].includes(act) ||
  (act === "unfavourite" && new URLSearchParams(root.dataset.gallery).has("favourite"));

// Does something to these; `fields` says what and to whom, as the form would.
async function mark(act, fields, ids, clear = false) {
  let answer;
  try {
    answer = await send(fields);
  } catch {
    return toast(words().failed);
  }
  marked(answer.marks);
  const everything = fields.get("all") === "1";
  const last = from;
  if (clear) unchoose();
  if (everything) await refresh();
  else if (leaves(act)) takeOut(ids, last);
  else if (act.endsWith("favourite")) ids.forEach((id) => showFavourite(id, act === "favourite"));
  // The bar with the button is gone; the keyboard goes on where the choosing was.
  if (clear && last?.isConnected && (document.activeElement === document.body || form.contains(document.activeElement))) {
    last.querySelector("a").focus({ preventScroll: true });
  }
  toast(say(words().done[act], answer.changed), answer.undo);
}

export function act(name, ids, clear = false) {
  return mark(name, new URLSearchParams([["act", name], ...[...ids].map((id) => ["id", id])]), new Set(ids), clear);
}

function heart() {
  const mark = Object.assign(document.createElement("span"), { className: "tile-heart" });
  mark.append(document.querySelector("[data-tool=favourite] .icon").cloneNode(true));
  mark.append(Object.assign(document.createElement("span"), { className: "sr-only", textContent: words().isFavourite }));
  return mark;
}

function showFavourite(id, on) {
  for (const tile of tiles().filter((tile) => tile.dataset.id === id)) {
    tile.toggleAttribute("data-favourite", on);
    tile.querySelector(".tile-heart")?.remove();
    if (on) tile.append(heart());
    tile.querySelector("[data-tool=favourite]")?.setAttribute("aria-pressed", String(on));
  }
}

export function favourite(tile) {
  return act("favourite" in tile.dataset ? "unfavourite" : "favourite", [tile.dataset.id]);
}

// What is looked at stays where it is, and the focus goes to whatever takes the place.
function takeOut(ids, last) {
  const gone = (tile) => ids.has(tile.dataset.id);
  const place = anchor(gone);
  const focused = document.activeElement.closest?.(".tile") ?? last;
  const order = tiles();
  const after = focused && gone(focused) ? order.slice(order.indexOf(focused)).find((tile) => !gone(tile)) : undefined;
  const tools = document.getElementById("tile-tools");
  if (tools.closest(".tile")) hideTools(tools);
  order.filter(gone).forEach((tile) => tile.remove());
  for (const day of results().querySelectorAll(".day")) if (!day.querySelector(".tile")) day.remove();
  mend(results());
  holdTo(place);
  root.dispatchEvent(new Event("gallery:changed"));
  const next = after ?? (focused && gone(focused) ? tiles().at(-1) : undefined);
  next?.querySelector("a").focus({ preventScroll: true });
  if (tiles().length === 0) refresh();
}

function hideTools(tools) {
  tools.hidden = true;
  root.append(tools);
}

// The tools of the tile that the mouse moves over; pictures that only pass below it while somebody scrolls have none.
function wakeTools() {
  const tools = document.getElementById("tile-tools");
  root.addEventListener("pointermove", (event) => {
    const tile = event.target.closest(".tile");
    if (event.pointerType !== "mouse" || !tile || isChoosing() || root.hasAttribute("data-trash") || tools.parentElement === tile) return;
    tools.querySelector("[data-tool=favourite]").setAttribute("aria-pressed", String("favourite" in tile.dataset));
    tools.querySelector("[data-tool=remix]").href = `/create?remix=${tile.dataset.id}`;
    tools.querySelector("[data-tool=download]").href = `${tile.dataset.file}?download`;
    tile.append(tools);
    tools.hidden = false;
  });
  tools.addEventListener("click", (event) => {
    if (event.target.closest("[data-tool=favourite]")) favourite(tools.closest(".tile"));
  });
}

// Tiles can be dragged to a collection; the bar of what is chosen has the same in words.
function wakeDrag() {
  root.addEventListener("dragstart", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile) return;
    const some = chosen();
    const ids = some.has(tile.dataset.id) ? [...some] : [tile.dataset.id];
    event.dataTransfer.setData("application/x-atelier-ids", ids.join(","));
  });
  root.addEventListener("dragover", (event) => {
    const isOurs = event.dataTransfer.types.includes("application/x-atelier-ids");
    if (isOurs && event.target.closest("[data-drop]")) event.preventDefault();
  });
  root.addEventListener("drop", (event) => {
    const shelf = event.target.closest("[data-drop]")?.dataset.drop;
    const ids = event.dataTransfer.getData("application/x-atelier-ids").split(",").filter(Boolean);
    if (!shelf || !ids.length) return;
    event.preventDefault();
    mark("collect", new URLSearchParams([["collect", shelf], ...ids.map((id) => ["id", id])]), new Set(ids));
  });
}

function wakeTouch() {
  let held;
  let swallow = false;
  const release = () => clearTimeout(held);
  root.addEventListener("pointerdown", (event) => {
    const tile = event.target.closest(".tile");
    swallow = false;
    if (event.pointerType === "mouse" || !tile) return;
    held = setTimeout(() => {
      swallow = true;
      choose(tile);
    }, HELD_MS);
  });
  for (const end of ["pointerup", "pointercancel", "pointermove"]) {
    root.addEventListener(end, (event) => (end !== "pointermove" || Math.hypot(event.movementX, event.movementY) > 6) && release());
  }
  // The finger that chose must not open the picture or the browser's menu as well.
  root.addEventListener("contextmenu", (event) => swallow && event.preventDefault());
  root.addEventListener(
    "click",
    (event) => {
      const tile = event.target.closest(".tile");
      if (!tile || event.target.closest(".pick, .tile-tools")) return;
      if (swallow || (isChoosing() && !event.metaKey && !event.ctrlKey)) {
        event.preventDefault();
        if (!swallow) choose(tile, { range: event.shiftKey });
        swallow = false;
      }
    },
    true,
  );
}

export function wakeMarks(gallery) {
  root = gallery;
  form = document.getElementById("marks");
  const select = document.getElementById("gallery-select");
  select.addEventListener("click", () => (isChoosing() ? unchoose() : setMode(true)));
  root.addEventListener("click", (event) => {
    const pick = event.target.closest(".pick");
    if (event.target.closest("#gallery-unselect")) unchoose();
    // The box has changed already.
    if (pick) choose(pick.closest(".tile"), { range: event.shiftKey && pick.checked, on: pick.checked });
  });
  root.addEventListener("change", (event) => {
    if (event.target === all()) all().checked ? chooseAll() : unchoose();
  });
  root.addEventListener("gallery:changed", () => {
    // More of what nobody chose changes nothing, and comes while somebody scrolls.
    if (!root.hasAttribute("data-chosen") && !results().querySelector(".pick:checked")) return;
    if (all()?.checked) picks().forEach((pick) => (pick.checked = true));
    told();
  });
  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    // An archive is a download and a new collection is another view: both are the browser's.
    if (!submitter || submitter.hasAttribute("formaction")) return;
    event.preventDefault();
    submitter.closest("[popover]")?.hidePopover?.();
    const fields = new URLSearchParams(new FormData(form, submitter));
    const ids = fields.get("all") === "1" ? new Set() : chosen();
    fields.delete("id");
    ids.forEach((id) => fields.append("id", id));
    mark(submitter.name === "act" ? submitter.value : submitter.name, fields, ids, true);
  });
  const box = document.getElementById("gallery-toast");
  for (const rest of ["pointerenter", "focusin"]) box.addEventListener(rest, () => clearTimeout(timer));
  for (const go of ["pointerleave", "focusout"]) box.addEventListener(go, hideSoon);
  wakeTools();
  wakeDrag();
  wakeTouch();
  told();
}
