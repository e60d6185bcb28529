// The keyboard: the tiles are one stop of the tabulator, and arrows walk between them.

import { areSingleKeysOff } from "../typing.js";
import { act, choose, chooseAll, chosen, favourite, takeBack, unchoose } from "./marks.js";
import { older, results, tiles } from "./page.js";

let root;
let stop; // the one tile that the tabulator stops at

const linkOf = (tile) => tile.querySelector("a");

// One link can be tabbed to; boxes are chosen with the space bar. What comes later is no stop when it comes.
function rove() {
  if (!stop?.isConnected) stop = results().querySelector(".tile");
  const now = stop && linkOf(stop);
  for (const link of results().querySelectorAll('.tile > a:not([tabindex="-1"])')) if (link !== now) link.tabIndex = -1;
  if (now && now.tabIndex !== 0) now.tabIndex = 0;
}

function goTo(tile) {
  if (!tile) return;
  stop = tile;
  rove();
  linkOf(tile).focus({ preventScroll: true });
  tile.scrollIntoView({ block: "nearest", behavior: "instant" });
}

const middle = ({ left, right }) => (left + right) / 2;

// The tile of another row that is nearest: of the next row, or of the one about `distance` away.
function across(from, direction, distance = 0) {
  const here = tiles();
  const start = from.getBoundingClientRect();
  const step = Math.sign(direction);
  let row;
  let best;
  for (let at = here.indexOf(from) + step; here[at]; at += step) {
    const box = here[at].getBoundingClientRect();
    if (Math.abs(box.top - start.top) < 4) continue;
    const far = Math.abs(box.top - start.top);
    if (row === undefined || (Math.abs(box.top - row) >= 4 && Math.abs(row - start.top) < distance)) [row, best] = [box.top, undefined];
    if (Math.abs(box.top - row) >= 4) break;
    const off = Math.abs(middle(box) - middle(start));
    if (!best || off < best.off) best = { tile: here[at], off, far };
  }
  return best?.tile;
}

function walk(key, tile) {
  const here = tiles();
  const at = here.indexOf(tile);
  const page = innerHeight * 0.8;
  switch (key) {
    case "ArrowRight":
      return here[at + 1];
    case "ArrowLeft":
      return here[at - 1];
    case "ArrowDown":
      return across(tile, 1);
    case "ArrowUp":
      return across(tile, -1);
    case "PageDown":
      return across(tile, 1, page) ?? here.at(-1);
    case "PageUp":
      return across(tile, -1, page) ?? here[0];
    case "Home":
      return here[0];
    case "End":
      return here.at(-1);
  }
}

const WALKS = new Set(["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"]);

function pressed(event) {
  const { key, target } = event;
  if (event.isComposing || event.keyCode === 229) return;
  const writing = target.closest?.("input:not([type=checkbox]), select, textarea, [contenteditable]");
  const command = event.metaKey || event.ctrlKey;
  if (key === "Escape" && !document.querySelector("[popover]:popover-open") && unchoose()) return event.preventDefault();
  if (writing || event.altKey) return;
  if (command && key.toLowerCase() === "a" && tiles().length) {
    event.preventDefault();
    return chooseAll();
  }
  if (command && key.toLowerCase() === "z" && !event.shiftKey) {
    event.preventDefault();
    return takeBack();
  }
  if (command) return;
  const isLetter = key === "." || key === "f";
  if (isLetter && areSingleKeysOff()) return;
  if (key === ".") return root.dispatchEvent(new Event("gallery:top"));
  const tile = target.closest?.(".tile") ?? (key === "f" ? results().querySelector(".tile:hover") : undefined);
  const some = chosen();
  if (key === "Delete" && !root.hasAttribute("data-trash") && (some.size || tile)) {
    event.preventDefault();
    return act("trash", some.size ? some : [tile.dataset.id], some.size > 0);
  }
  if (!tile) return;
  if (key === "f") return favourite(tile);
  if (key === " " && target.matches("a")) {
    event.preventDefault();
    return choose(tile, { range: event.shiftKey });
  }
  if (WALKS.has(key) && target.matches("a")) {
    event.preventDefault();
    const next = walk(key, tile);
    if (next) goTo(next);
    else if (key === "ArrowRight" || key === "ArrowDown") older();
  }
}

export function wakeKeys(gallery) {
  root = gallery;
  for (const pick of results().querySelectorAll(".pick")) pick.tabIndex = -1;
  rove();
  root.addEventListener("gallery:changed", rove);
  root.addEventListener("focusin", ({ target }) => {
    const tile = target.closest(".tile");
    if (tile && tile !== stop) {
      stop = tile;
      rove();
    }
  });
  addEventListener("keydown", pressed);
}
