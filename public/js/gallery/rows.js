// Days that go on over several pages: lists below each other under one heading, each of whole rows.
//
// The tiles of one list are laid out together, so a list that grew would be laid out anew with everything on it. Here what
// comes later is a list of its own, and the browser lays out only lists that are near the window. A row that a page left half
// full goes down to the list that follows, so that no gap shows; whoever looks at that row keeps it where it is.

const lists = (day) => [...day.querySelectorAll(".rows")];
const topOf = (tile) => tile.getBoundingClientRect().top;

function lastRow(list) {
  const row = [];
  for (let tile = list.lastElementChild; tile; tile = tile.previousElementSibling) {
    if (row.length && Math.abs(topOf(tile) - topOf(row[0])) >= 4) break;
    row.unshift(tile);
  }
  return row;
}

// Gives the last row of a list to the one after it.
function cut(list, next) {
  const row = lastRow(list);
  if (!row.length || row.length === list.childElementCount) return;
  const focused = document.activeElement;
  const height = topOf(row[0]) - topOf(list.firstElementChild) - parseFloat(getComputedStyle(list).rowGap);
  next.dataset.lent = row.length;
  next.prepend(...row);
  list.dataset.whole = list.childElementCount;
  list.style.height = `${height}px`;
  if (focused !== document.activeElement) focused.focus({ preventScroll: true });
}

// Puts another page's list under the day.
export function goOn(day, next) {
  const list = lists(day).at(-1);
  list.after(next);
  const row = lastRow(list);
  if (row.length && topOf(row[0]) > innerHeight) cut(list, next);
}

// Makes whole rows again: of all that are below a list that tiles went from, or of all where the width is another.
export function mend(results, everywhere = false) {
  for (const day of results.querySelectorAll(".day:has(> [data-whole])")) {
    let changed = everywhere;
    for (const list of day.querySelectorAll(".rows:empty")) list.remove();
    lists(day).forEach((list, at, all) => {
      const next = all[at + 1];
      if (!("whole" in list.dataset)) return;
      changed ||= !next || list.childElementCount !== Number(list.dataset.whole);
      if (!changed) return;
      delete list.dataset.whole;
      list.style.height = "";
      if (!next) return;
      list.append(...[...next.children].slice(0, Number(next.dataset.lent)));
      cut(list, next);
    });
  }
}

// Keeps rows whole for as long as the page lives.
export function wakeRows(results) {
  let width;
  new ResizeObserver(([{ contentRect }]) => {
    const before = width;
    width = contentRect.width;
    if (before !== undefined && before !== width) mend(results, true);
  }).observe(results);
}
