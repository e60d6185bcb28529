// The keys of every page, the sheet that lists them, and the menu of everything. How a person wants them stands on the sheet.

import { areSingleKeysOff } from "./typing.js";

const sheet = document.getElementById("keys");
const menu = document.getElementById("menu");
const PLACES = { c: "/create", g: "/gallery", b: "/credits" };
const FOLLOWS_MS = 1_500; // how long `g` waits for its second key
const NOTIFY = "atelier-notify";

const isTyping = (target) => target.closest?.("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]");
const isOver = () => document.querySelector("dialog[open], [popover]:popover-open");

let wentAt = -Infinity;

// Beside a dialog that is open nothing can be used, not even what is shown above it; so the sheet goes inside, and home again.
function showSheet() {
  const over = [...document.querySelectorAll("dialog[open]")].at(-1);
  (over ?? document.body).append(sheet);
  sheet.togglePopover();
}
sheet.addEventListener("toggle", ({ newState }) => newState === "closed" && sheet.parentNode !== document.body && document.body.append(sheet));

document.addEventListener("keydown", (event) => {
  const { key } = event;
  const command = event.ctrlKey || event.metaKey;
  if (event.isComposing || event.keyCode === 229 || event.defaultPrevented) return;
  if (command && key.toLowerCase() === "k") {
    event.preventDefault();
    return menu.open ? menu.close() : openMenu();
  }
  if (key === "Escape" && !isOver()) return closeTopmost();
  if (command || event.altKey || event.repeat || areSingleKeysOff() || isTyping(event.target)) return;
  const follows = event.timeStamp - wentAt < FOLLOWS_MS;
  wentAt = -Infinity;
  if (key === "?") {
    event.preventDefault();
    return showSheet();
  }
  if (isOver()) return;
  if (follows && PLACES[key]) return location.assign(PLACES[key]);
  if (key === "g") wentAt = event.timeStamp;
  else if (key === "/") search(event);
  else if (key === "[" || key === "]") nextModel(key === "]" ? 1 : -1);
  else if (key === "x") document.querySelector("[data-swap]:not([hidden])")?.click();
});

function closeTopmost() {
  const open = document.querySelector("details.advanced[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
}

function search(event) {
  event.preventDefault();
  const field = document.querySelector("main input[type=search], main input[name=q]");
  if (field) field.focus();
  else location.assign("/gallery");
}

function nextModel(step) {
  const menu = document.querySelector("select[name=model]");
  if (!menu) return;
  menu.selectedIndex = (menu.selectedIndex + step + menu.length) % menu.length;
  for (const name of ["input", "change"]) menu.dispatchEvent(new Event(name, { bubbles: true }));
}

// The menu

const find = menu.querySelector(".menu-find");
const entries = [...menu.querySelectorAll("li")];
const isHere = { history: "#history", swap: "[data-swap]", code: "#code" };

function openMenu() {
  find.value = "";
  filter();
  menu.showModal();
}

function filter() {
  const words = find.value.normalize("NFKC").toLowerCase().trim();
  for (const entry of entries) {
    const wants = isHere[entry.firstChild.dataset.do];
    entry.hidden = !entry.textContent.toLowerCase().includes(words) || Boolean(wants && !document.querySelector(wants));
  }
  const shown = entries.filter((entry) => !entry.hidden);
  entries.forEach((entry) => entry.classList.toggle("chosen", entry === shown[0]));
  menu.querySelector(".menu-nothing").hidden = shown.length > 0;
}

find.addEventListener("input", filter);
menu.addEventListener("keydown", (event) => {
  if (event.isComposing || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  const shown = entries.filter((entry) => !entry.hidden);
  const at = shown.findIndex((entry) => entry.classList.contains("chosen"));
  event.preventDefault();
  if (event.key === "Enter") return shown[at]?.firstChild.click();
  const next = shown[(at + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length];
  shown.forEach((entry) => entry.classList.toggle("chosen", entry === next));
  next?.scrollIntoView({ block: "nearest" });
});
menu.addEventListener("click", ({ target }) => {
  if (target === menu) return menu.close();
  const deed = target.closest("[data-do]")?.dataset.do;
  if (!deed) return;
  menu.close();
  if (deed === "keys") showSheet();
  else if (deed === "swap") document.querySelector("[data-swap]")?.click();
  else if (deed === "sign-out") document.querySelector("form[action='/sign-out']")?.requestSubmit();
  else if (deed === "code") document.querySelector("[formaction='/create/request']")?.click();
  else dispatchEvent(new CustomEvent("atelier:open", { detail: deed }));
});

// Notifications: asked for only when somebody turns them on.

const wish = sheet.querySelector("[data-notify]");
const box = wish.querySelector("input");
const denied = sheet.querySelector("[data-notify-denied]");
if ("Notification" in window) {
  wish.hidden = false;
  box.checked = localStorage.getItem(NOTIFY) === "on" && Notification.permission === "granted";
  box.addEventListener("change", async () => {
    const may = box.checked && (await Notification.requestPermission()) === "granted";
    denied.hidden = !box.checked || may;
    box.checked = may;
    localStorage.setItem(NOTIFY, may ? "on" : "off");
  });
  addEventListener("atelier:ended", () => {
    if (!document.hidden || !box.checked) return;
    const { title, body } = wish.dataset;
    new Notification(title, { body, tag: "atelier" }).onclick = () => window.focus();
  });
}
