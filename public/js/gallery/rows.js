// Days that go on over several pages: lists below each other under one heading, each of a few whole rows.
//
// The tiles of one list are laid out together, so a list that grew would be laid out anew with everything on it. Here what
// comes later is in lists of its own, and the browser lays out only lists that are near the window. How tiles fall into rows
// is reckoned from their shapes, as the stylesheet's flex lines do it: to ask the browser would lay out what nobody sees yet.
// So a list also knows its height before it is drawn. Only the last list of a day ends half full. Who hears the page is told of
// one list for each day.

const ROWS = 3; // in a list
const SHAPE = /--ar:([\d.]+)/;

let room; // of the gallery: the width of a row, the gap between tiles, and the height that a row would like and the most it may have

const lists = (day) => [...day.querySelectorAll(".rows")];
const tilesOf = (list) => [...list.children];

function measured(results, width) {
  const style = getComputedStyle(results);
  const [gap, like, most] = ["--gap-tile", "--row", "--row-most"].map((name) => parseFloat(style.getPropertyValue(name)));
  return { width, gap, like, most };
}

// Rows as { tiles, shapes }, `shapes` being the sum of what each tile's width is to its height.
function rowsOf(tiles) {
  const rows = [];
  let used = Infinity;
  for (const tile of tiles) {
    const shape = Number(SHAPE.exec(tile.getAttribute("style"))[1]);
    // Browsers reckon in 64ths of a pixel.
    const wish = Math.floor(shape * room.like * 64) / 64;
    if (used + room.gap + wish > room.width) {
      rows.push({ tiles: [], shapes: 0 });
      used = -room.gap;
    }
    used += room.gap + wish;
    rows.at(-1).tiles.push(tile);
    rows.at(-1).shapes += shape;
  }
  return rows;
}

const heightOf = ({ tiles, shapes }) => Math.min(room.most, (room.width - room.gap * (tiles.length - 1)) / shapes);

// Makes these rows all that a list has. What is there already is not moved.
function fill(list, rows, { isLast = false, isHalf = isLast }) {
  const focused = document.activeElement;
  const tiles = rows.flatMap(({ tiles }) => tiles);
  let at = list.firstElementChild;
  for (const tile of tiles) {
    if (tile === at) at = at.nextElementSibling;
    else list.insertBefore(tile, at);
  }
  const heights = rows.map((row) => (isHalf && row === rows.at(-1) ? room.like : heightOf(row)));
  const height = heights.reduce((sum, each) => sum + room.gap + each, -room.gap);
  // A list that is dealt anew with the width must not remember what it was; the last may lose tiles.
  list.style.containIntrinsicBlockSize = `${isLast ? "auto " : ""}${height.toFixed(2)}px`;
  list.toggleAttribute("data-half", isHalf);
  if (isLast) delete list.dataset.count;
  else list.dataset.count = tiles.length;
  if (focused !== document.activeElement) focused.focus({ preventScroll: true });
}

// Deals tiles into these lists, and into more of them below the last where they are too few. Stops after each list.
function* deal(day, tiles, there) {
  const rows = rowsOf(tiles);
  for (let at = 0; at < rows.length; at += ROWS) {
    let list = there.shift();
    if (!list) {
      const last = lists(day).at(-1);
      list = last.cloneNode(false);
      list.dataset.dealt = "";
      last.after(list);
    }
    fill(list, rows.slice(at, at + ROWS), { isLast: at + ROWS >= rows.length });
    yield;
  }
  for (const list of there) list.remove();
}

// Puts another page's tiles under the day, a few rows at a time. The row that is there half full goes on where it `may`; else
// it stays as it is until nobody sees it.
export function* goOn(day, tiles, may) {
  const last = lists(day).at(-1);
  // A list that is seen already stays laid out: to let go of it for a frame would be a jump.
  if (!last.firstElementChild) last.dataset.dealt = "";
  const rows = rowsOf(tilesOf(last));
  const begun = (may && rows.pop()?.tiles) || [];
  if (rows.length) fill(last, rows, { isHalf: !may });
  yield* deal(day, [...begun, ...tiles], rows.length ? [] : [last]);
}

const daysOfSeveral = (results) => [...results.querySelectorAll(".day:has(.rows + .rows)")];
const isLost = (list) => list.childElementCount !== Number(list.dataset.count);

// The days that tiles went from, each with the first list that is too short and all below it.
const broken = (results) =>
  daysOfSeveral(results).flatMap((day) => {
    const all = lists(day);
    const from = all.slice(0, -1).findIndex(isLost);
    return from < 0 ? [] : [[day, all.slice(from)]];
  });

// Lists above the window that end half full though others follow. Their last row can be drawn out; to deal anew would move
// what is looked at from row to row.
const past = (results) => [...results.querySelectorAll("[data-half][data-count]")].filter((list) => list.getBoundingClientRect().bottom < 0);

export const isBroken = (results) => broken(results).length > 0;
export const isHalfPast = (results) => past(results).length > 0;

// Makes whole rows again: of what is broken, or of everything where the width is another.
export function mend(results, everywhere = false) {
  const days = everywhere ? daysOfSeveral(results).map((day) => [day, lists(day)]) : broken(results);
  for (const [day, there] of days) for (const _ of deal(day, there.flatMap(tilesOf), there));
  for (const list of past(results)) fill(list, rowsOf(tilesOf(list)), {});
}

// Keeps rows whole for as long as the page lives.
export function wakeRows(results) {
  room = measured(results, results.getBoundingClientRect().width);
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === room.width) return;
    room = measured(results, contentRect.width);
    mend(results, true);
  }).observe(results);
}
