// The gallery, awake. Without this file all of it works by links and forms; with it nobody waits and nobody loses their place.
//
//   gallery/page.js    what is on the page: fetching, replacing, going on, keeping the place
//   gallery/rows.js    days of many rows, of which those near the window are laid out
//   gallery/marks.js   choosing, marking, undoing
//   gallery/keys.js    the keyboard
//   gallery/elsewhere.js   what was marked in another tab

import { wakeElsewhere } from "./gallery/elsewhere.js";
import { wakeKeys } from "./gallery/keys.js";
import { wakeMarks } from "./gallery/marks.js";
import { wakePage } from "./gallery/page.js";

const root = document.querySelector("[data-gallery]");
if (root) {
  root.dataset.awake = "";
  wakePage(root);
  wakeMarks(root);
  wakeKeys(root);
  wakeElsewhere(root);
}
