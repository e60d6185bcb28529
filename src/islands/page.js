// What the islands need of the page and is shorter said here than through bindings.

const POST_TIMEOUT_MS = 30_000;

export const parcel = () => document.getElementById("parcel").textContent;

// Posts a form's fields and resolves to [status, body]; rejects when no answer came.
export async function post(action, body) {
  const answer = await fetch(action, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body,
    signal: AbortSignal.timeout(POST_TIMEOUT_MS),
  });
  if (answer.ok) dispatchEvent(new Event("atelier:answered"));
  return [answer.status, await answer.text()];
}

// The form's fields as they would be sent, under this request key.
export function fields(form, requestKey) {
  const all = new URLSearchParams(new FormData(form));
  all.set("request_key", requestKey);
  return all.toString();
}

export const field = (form, name) => form.elements[name]?.value ?? "";

export function setField(form, name, value) {
  form.elements[name].value = value;
}

// A version 4 UUID; `crypto.randomUUID` is missing on plain http.
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// Server time minus this machine's: `rendered` is when the server read the data of this page.
export function clockOffset(rendered) {
  const answered = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
  return rendered - (performance.timeOrigin + answered);
}

export const now = () => Date.now();

let title;
let unseen = false;

// "(2) Create" while two run; a tick when something ended in a page nobody looks at.
export function showInTitle(running, ended) {
  if (title === undefined) {
    title = document.title;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && unseen) document.title = document.title.replace("✓ ", "");
      unseen &&= document.hidden;
    });
  }
  unseen ||= ended && document.hidden;
  if (ended) dispatchEvent(new Event("atelier:ended"));
  document.title = (unseen ? "✓ " : "") + (running ? `(${running}) ` : "") + title;
}

export const copy = async (text) => navigator.clipboard.writeText(text);

export const reload = () => location.reload();

// The forms and links still work; the page says so instead of looking alive.
export function dead() {
  document.documentElement.dataset.wasm = "dead";
}

// The form is the server's HTML. What it needs of a script: to show only what the chosen model takes, another model's
// controls when another one is chosen, a slider that moves its field, files picked, dropped or pasted into their slot.
export function watchForm(form) {
  const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));
  form.noValidate = true;
  // A button that posts the form elsewhere is no press of Generate.
  form.addEventListener("submit", (event) => event.submitter?.hasAttribute("formaction") && event.stopImmediatePropagation(), true);
  form.addEventListener("change", async ({ target }) => {
    if (target.name === "model") await chooseModel(form);
    if (target.dataset.multiple) snap(target);
    if (target.type === "file") takeFiles(target.closest("[data-slot]"), target.files, changed);
  });
  form.addEventListener("input", ({ target }) => {
    const slider = target.dataset?.for;
    if (slider) document.getElementById(slider).value = target.value;
    const moved = target.id && form.querySelector(`[data-for="${CSS.escape(target.id)}"]`);
    if (moved && target.value !== "") moved.value = target.value;
    if (target.closest?.("[data-list]")) growList(target.closest("[data-list]"));
    if (target === form.elements.prompt) grow(target);
    countChanged(form);
  });
  form.addEventListener("click", ({ target }) => {
    const swap = target.closest("[data-swap]");
    if (swap) swapShape(form);
    if (target.closest("[data-reset-all]")) form.querySelectorAll("[data-controls=rest] .control").forEach(reset);
    const one = target.closest(".control-reset");
    if (one) reset(one.closest(".control"));
    if (swap || one || target.closest("[data-reset-all]")) changed();
  });
  form.addEventListener("paste", async (event) => {
    const { files } = event.clipboardData;
    if (!files.length) return;
    event.preventDefault();
    takeFiles(await slotFor(form), files, changed);
  });
  document.addEventListener("dragstart", ({ target, dataTransfer }) => {
    const original = target.closest?.("[data-file]")?.dataset.file;
    if (original) dataTransfer.setData(OURS, original);
  });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.some((type) => type === "Files" || type === OURS)) {
      event.preventDefault();
      form.dataset.dragging = "";
    }
  });
  for (const end of ["dragleave", "drop", "dragend"]) document.addEventListener(end, () => delete form.dataset.dragging);
  document.addEventListener("drop", async (event) => {
    const { files } = event.dataTransfer;
    const ours = event.dataTransfer.getData(OURS);
    if (!files.length && !ours) return;
    event.preventDefault();
    const slot = await slotFor(form, event.target.closest?.("[data-slot]"));
    if (ours) refer(slot, ours, changed);
    else takeFiles(slot, files, changed);
  });
  // What `create.js` asks for.
  form.addEventListener("atelier:reference", async ({ detail }) => refer(await slotFor(form), detail, changed));
  form.addEventListener("atelier:controls", ({ detail }) => putControls(form, detail));
  form.addEventListener("atelier:refused", ({ detail }) => refused(form, detail.status, detail.body));
  form.addEventListener("atelier:words", () => (grow(form.elements.prompt), changed()));
  look(form);
  showSlots(form);
  countChanged(form);
  grow(form.elements.prompt);
  // A mouse and a keyboard are at hand and nothing else has the focus: typing may begin. On touch a keyboard would jump up.
  if (matchMedia("(pointer: fine)").matches && document.activeElement === document.body) form.elements.prompt.focus({ preventScroll: true });
  form.dataset.awake = "";
  form.dispatchEvent(new Event("atelier:awake"));
}

// A picture of this house, on its way from a tile to a slot.
const OURS = "application/x-atelier-picture";

const said = (form) => (form.said ??= JSON.parse(form.querySelector("[data-words]").dataset.words));
const looks = (form) => (form.looks ??= JSON.parse(form.querySelector("[data-looks]").dataset.looks));
const chosenLook = (form) => looks(form).find(({ name }) => name === form.elements.model.value);

// Browsers without `field-sizing` need telling how tall the text is; the style sheet holds the limits.
function grow(prompt) {
  if (CSS.supports("field-sizing", "content")) return;
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
}

// Shows of the form what the chosen model takes.
function look(form) {
  const { aspects = [], count = 1, words = true, seed = true } = chosenLook(form) ?? {};
  const part = (name) => form.querySelector(`[data-part=${name}]`);
  part("prompt").hidden = !words;
  part("aspects").hidden = !aspects.length;
  part("count").hidden = count < 2;
  part("seed").hidden = !seed;
  for (const option of form.elements.count.options) option.disabled = Number(option.value) > count;
  const shapes = [...form.querySelectorAll("[name=aspect_ratio]")];
  for (const shape of shapes) shape.disabled = !aspects.includes(shape.value);
  if (aspects.length && !shapes.some((shape) => shape.checked && !shape.disabled)) shapes.find((shape) => !shape.disabled).checked = true;
  form.querySelector("[data-swap]").hidden = false;
}

function swapShape(form) {
  const now = form.querySelector("[name=aspect_ratio]:checked").value.split(":").reverse().join(":");
  const other = [...form.querySelectorAll("[name=aspect_ratio]")].find(({ value, disabled }) => value === now && !disabled);
  if (other) other.checked = true;
}

// Says what a press costs. Money is never guessed: `available` is the server's word.
export function showPrice(form, price, available, prompts) {
  const words = said(form);
  const total = price * prompts;
  const short = Math.max(0, total - available);
  const find = (what) => form.querySelector(what);
  form.elements.quoted_price.value = total;
  find("[data-testid=price]").textContent = total;
  find("[data-unit]").textContent = total === 1 ? words.credit : words.credits;
  find("[data-leaves]").textContent = words.leaves.replace("{}", available - total);
  find("[data-leaves]").hidden = short > 0;
  find(".missing").hidden = true;
  find("[data-testid=generate]").hidden = short > 0;
  find("[data-testid=get-credits]").hidden = !short;
  find("a [data-short]").textContent = short === 1 ? words.missing_one : words.missing.replace("{}", short);
  const many = find("[data-many]");
  many.hidden = prompts < 2;
  many.textContent = words.many.replace("{n}", prompts).replace("{price}", price);
}

// Whether a press can be sent; if not, the form says why.
export function ready(form) {
  clear(form);
  const short = form.querySelector("[data-testid=get-credits]:not([hidden])");
  if (short) return short.focus(), false;
  if (!chosenLook(form)?.words || form.elements.prompt.value.trim()) return true;
  mark(form, "#prompt", said(form).required);
  return focusProblem(form), false;
}

// Why a press was refused: at the fields it is about, or else as a sentence.
export function refused(form, status, body) {
  clear(form);
  if (!status) return;
  if (status === 401) {
    notice(form, said(form).signed_out);
    dispatchEvent(new Event("atelier:signed-out"));
    return;
  }
  let answer = {};
  try {
    answer = JSON.parse(body);
  } catch {
    // Not our server's answer; the status says enough.
  }
  const marked = JSON.parse(answer.violations || "[]").filter(({ at, says }) => mark(form, at, says));
  if (!marked.length) notice(form, answer.detail || said(form).trouble);
  focusProblem(form);
}

const notice = (form, sentence) => form.querySelector(".composer-notice").replaceChildren(Object.assign(document.createElement("p"), { textContent: sentence }));

function clear(form) {
  form.querySelector(".composer-notice").replaceChildren();
  for (const problem of form.querySelectorAll(".problem:not([data-preset-problem])")) problem.hidden = true;
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

// `#name` is a field that every model has, anything else a control of the model's own. Whether there is one.
function mark(form, at, says) {
  const common = at.startsWith("#") && at.slice(1);
  const control = form.querySelector(common ? `[data-at="${common}"]` : `[data-property="${CSS.escape(at)}"]`);
  if (!control) return false;
  const problem = common ? control : control.querySelector(".problem");
  const field = common ? form.elements[common] : control.querySelector("[name]:not([type=hidden])");
  problem.textContent = says;
  problem.hidden = false;
  field?.setAttribute?.("aria-invalid", "true");
  control.closest("details")?.setAttribute("open", "");
  return true;
}

// Once the page shows it: the first field with a problem.
const focusProblem = (form) => requestAnimationFrame(() => form.querySelector("[aria-invalid=true]")?.focus());

// The nearest multiple that the model takes; full-width digits count.
function snap(field) {
  const typed = Number(field.value.normalize("NFKC"));
  const { multiple, min, max } = field.dataset;
  if (field.value.trim() === "" || !Number.isFinite(typed)) return;
  const least = Math.ceil(Number(min ?? -Infinity) / multiple) * multiple;
  const most = Math.floor(Number(max ?? Infinity) / multiple) * multiple;
  field.value = Math.min(most, Math.max(least, Math.round(typed / multiple) * multiple));
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

const fieldsOf = (control) => [...control.querySelectorAll("[name]:not([type=hidden])")];
const isChoice = ({ type }) => type === "radio" || type === "checkbox";

// Whether a control says anything else than the model would by itself.
function isChanged(control) {
  const fields = fieldsOf(control);
  const standard = control.dataset.default ?? "";
  const [first] = fields;
  if (!first) return false;
  if (first.role === "switch") return first.checked !== (standard === "true");
  if (!isChoice(first)) return fields.some(({ value }) => value.trim() !== "" && value !== standard);
  const checked = fields.filter((field) => field.checked).map(({ value }) => value);
  if (first.type === "radio") return (checked[0] ?? "") !== standard;
  return JSON.stringify(checked) !== (standard || "[]");
}

function reset(control) {
  const standard = control.dataset.default ?? "";
  for (const field of fieldsOf(control)) {
    if (field.role === "switch") field.checked = standard === "true";
    else if (field.type === "radio") field.checked = field.value === standard;
    else if (field.type === "checkbox") field.checked = (standard || "[]").includes(JSON.stringify(field.value));
    else field.value = field.tagName === "SELECT" ? standard : "";
  }
  const slider = control.querySelector("[data-for]");
  if (slider && standard !== "") slider.value = standard;
  fieldsOf(control)[0]?.focus();
}

// How many of the settings behind "Advanced" were changed, and a way back for each.
function countChanged(form) {
  let count = 0;
  for (const control of form.querySelectorAll("[data-controls=rest] .control")) {
    const changed = isChanged(control);
    count += changed;
    let back = control.querySelector(".control-reset");
    if (changed && !back) {
      const name = said(form).reset;
      back = Object.assign(document.createElement("button"), { type: "button", className: "control-reset", title: name, textContent: "↺" });
      back.setAttribute("aria-label", name);
      control.append(back);
    }
    if (back) back.hidden = !changed;
  }
  const badge = form.querySelector("[data-changed]");
  badge.hidden = !count;
  badge.textContent = count;
  badge.title = said(form).changed.replace("{}", count);
  form.querySelector("[data-reset-all]").hidden = !count;
}

let chosen = 0;

async function chooseModel(form) {
  const turn = ++chosen;
  look(form);
  const [status, body] = await post("/create/controls", new URLSearchParams(new FormData(form)).toString());
  if (status === 401) dispatchEvent(new Event("atelier:signed-out"));
  // A later choice has overtaken this one.
  if (status === 200 && turn === chosen) putControls(form, JSON.parse(body));
}

function putControls(form, { needed, rest, dropped }) {
  look(form);
  form.querySelector("[data-controls=needed]").innerHTML = needed;
  form.querySelector("[data-controls=rest]").innerHTML = rest;
  const note = form.querySelector("[data-dropped]");
  note.textContent = dropped ?? "";
  note.hidden = !dropped;
  showSlots(form);
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

// A slot for a file: this one, or the first, or the first of the first model that has one.
async function slotFor(form, wanted) {
  const first = () => wanted ?? form.querySelector("[data-slot]");
  const other = !first() && looks(form).find(({ file }) => file);
  if (other) {
    form.elements.model.value = other.name;
    await chooseModel(form);
  }
  return first();
}

// One of the person's own pictures is named by its address; the server makes a file of it.
function refer(slot, url, changed) {
  if (!slot) return;
  const address = freeAddress(slot, "many" in slot.dataset);
  address.value = url;
  showFile(slot, address, url);
  changed();
}

function growList(list) {
  const fields = [...list.querySelectorAll("input")];
  const last = fields.at(-1);
  if (last.value === "" || fields.length >= 32) return;
  const next = last.cloneNode();
  next.value = "";
  next.removeAttribute("id");
  list.append(next);
}

// With a script a file is picked; its address is still there for who wants to type one.
function showSlots(form) {
  for (const slot of form.querySelectorAll("[data-slot]")) {
    slot.querySelector(".slot-ways").hidden = false;
    for (const address of slot.querySelectorAll(".slot-address")) {
      const { value } = address;
      if (value.startsWith("atelier:file:")) showFile(slot, address, `/api/app/files/${value.slice("atelier:file:".length)}`);
      else if (value.startsWith("/files/")) showFile(slot, address, value);
    }
  }
}

let uploads = 0;
const waiting = [];

// Resolves once no file is on its way any more: whether all of them came.
export async function uploaded(form) {
  if (uploads) await new Promise((resolve) => waiting.push(resolve));
  return !form.querySelector("[data-failed]");
}

async function takeFiles(slot, files, changed) {
  if (!slot) return;
  const words = JSON.parse(slot.dataset.words);
  const many = "many" in slot.dataset;
  for (const file of many ? files : [...files].slice(0, 1)) {
    const address = freeAddress(slot, many);
    const shown = row(slot, address);
    const says = shown.querySelector(".slot-name");
    uploads += 1;
    try {
      await check(file, slot, words);
      const { id } = await upload(file, (percent) => (says.textContent = `${words.uploading} ${percent} %`));
      address.value = `atelier:file:${id}`;
      showFile(slot, address, `/api/app/files/${id}`, file.name);
    } catch (error) {
      says.textContent = error.message || words.failed;
      shown.dataset.failed = "";
      says.setAttribute("role", "alert");
    } finally {
      uploads -= 1;
      if (!uploads) waiting.splice(0).forEach((resolve) => resolve());
      changed();
    }
  }
  slot.querySelector("input[type=file]").value = "";
}

const NEVER = /\.(exe|dll|msi|bat|cmd|com|sh|app|dmg|jar|js|html?)$/i;

// What the server would refuse is not sent at all.
async function check(file, slot, words) {
  const accept = slot.querySelector("input[type=file]").accept.replace("*", "");
  if (file.size > slot.dataset.most * 1_000_000) throw new Error(words.too_large.replace("{}", slot.dataset.most));
  if (NEVER.test(file.name) || (accept && file.type && !file.type.startsWith(accept))) throw new Error(words.not_a_file);
  const most = Number(slot.dataset.side);
  if ((await longestSide(file)) > most) throw new Error(words.too_wide.replace("{}", most.toLocaleString(document.documentElement.lang)));
}

// Pixels; nothing for what this browser cannot show, which the server looks at.
async function longestSide(file) {
  const picture = new Image();
  const shown = new Promise((resolve) => (picture.onload = picture.onerror = resolve));
  picture.src = URL.createObjectURL(file);
  await shown;
  URL.revokeObjectURL(picture.src);
  return Math.max(picture.naturalWidth, picture.naturalHeight);
}

function freeAddress(slot, many) {
  const addresses = [...slot.querySelectorAll(".slot-address")];
  const free = addresses.find((address) => address.value === "" && !address.dataset.taken);
  if (!many || free) return free ?? addresses[0];
  const another = addresses[0].cloneNode();
  another.removeAttribute("id");
  slot.append(another);
  return another;
}

// fetch tells nothing of how far an upload is.
function upload(file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file, file.name);
    request.open("POST", "/api/app/files");
    request.setRequestHeader("accept", "application/json");
    request.upload.onprogress = ({ loaded, total }) => progress(Math.floor((loaded * 100) / Math.max(total, 1)));
    request.onerror = () => reject(new Error(""));
    request.onload = () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // Not our server's answer; the status says enough.
      }
      if (request.status < 300 && answer.id) resolve(answer);
      else reject(new Error(answer.detail ?? answer.error ?? ""));
    };
    request.send(body);
  });
}

function row(slot, address) {
  address.hidden = true;
  address.dataset.taken = "yes";
  const key = (address.dataset.key ??= String(Math.random()));
  let shown = slot.querySelector(`[data-row="${key}"]`);
  if (!shown) {
    shown = document.createElement("div");
    shown.className = "slot-file";
    shown.dataset.row = key;
    shown.append(Object.assign(document.createElement("span"), { className: "slot-name" }), remover(slot, address, shown));
    slot.querySelector(".slot-files").append(shown);
  }
  delete shown.dataset.failed;
  return shown;
}

function remover(slot, address, shown) {
  const words = JSON.parse(slot.dataset.words);
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button quiet", textContent: words.remove });
  button.addEventListener("click", () => {
    shown.remove();
    address.value = "";
    address.hidden = false;
    delete address.dataset.taken;
    slot.querySelector(".slot-pick input").focus();
    address.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return button;
}

function showFile(slot, address, url, name = "") {
  const shown = row(slot, address);
  shown.querySelector(".slot-name").textContent = name;
  shown.querySelector("img")?.remove();
  const src = url.startsWith("/files/") ? url.replace(/\.[^./]*$/, ".small.webp") : url;
  const picture = Object.assign(document.createElement("img"), { alt: "", src });
  picture.addEventListener("error", () => picture.remove());
  shown.prepend(picture);
}
