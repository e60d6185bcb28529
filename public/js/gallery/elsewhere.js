// What was marked in another tab, or at another machine, shows here without the page being loaded again.
//
// The page says how often the gallery had been marked when it was read; whoever hears of more is behind, and reads it again.

import { refresh, results } from "./page.js";

const OWN_MS = 150; // by then the answer to a mark of this tab has come, and has said which of them that was
const AGAIN_MS = 2_000;

let root;
let told = 0;
let timer;

const isBehind = () => told > Number(root.dataset.marks);

// Nothing is replaced under somebody's hands, nor while another view is on its way.
const isInUse = () => results().ariaBusy || root.querySelector(":popover-open, .collection-form[open], .shelves:focus-within");

function soon(after = OWN_MS) {
  clearTimeout(timer);
  if (isBehind()) timer = setTimeout(look, after);
}

async function look() {
  // A page that nobody sees looks when somebody comes back to it.
  if (!isBehind() || document.hidden) return;
  if (!isInUse()) await refresh(true);
  soon(AGAIN_MS);
}

// This tab has marked something itself and shows it. A mark of somebody else before it is still to be read.
export function marked(version) {
  if (version === Number(root.dataset.marks) + 1) root.dataset.marks = version;
}

export function wakeElsewhere(gallery) {
  root = gallery;
  addEventListener("atelier:marks", ({ detail }) => {
    told = Math.max(told, Number(detail));
    soon();
  });
  document.addEventListener("visibilitychange", () => soon());
}
