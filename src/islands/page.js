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

// Not `form.submit()`, which tells no listener.
export const submit = (form) => form.requestSubmit();

// A version 4 UUID; `crypto.randomUUID` is missing on plain http.
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// Once the page shows them: the first field with a problem.
export function focusProblem(form) {
  requestAnimationFrame(() => form.querySelector("[aria-invalid=true]")?.focus());
}

// A mouse and a keyboard are at hand and nothing else has the focus: typing may begin. On touch a keyboard would jump up.
export function focusPrompt(prompt) {
  if (matchMedia("(pointer: fine)").matches && document.activeElement === document.body) prompt.focus({ preventScroll: true });
}

// Browsers without `field-sizing` need telling how tall the text is; the style sheet holds the limits.
export function grow(prompt) {
  if (CSS.supports("field-sizing", "content")) return;
  prompt.style.height = "auto";
  prompt.style.height = `${prompt.scrollHeight}px`;
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
  document.title = (unseen ? "✓ " : "") + (running ? `(${running}) ` : "") + title;
}

export const copy = async (text) => navigator.clipboard.writeText(text);

export const reload = () => location.reload();

// The forms and links still work; the page says so instead of looking alive.
export function dead() {
  document.documentElement.dataset.wasm = "dead";
}

// The model's own controls are the server's HTML. What they need of a script: another model's controls when another one is
// chosen, a slider that moves its field, a file picked, dropped or pasted into its slot, room for one more in a list.
export function watchControls(form) {
  const changed = () => form.dispatchEvent(new Event("input", { bubbles: true }));
  form.addEventListener("change", async (event) => {
    if (event.target.name === "model") await chooseModel(form, changed);
  });
  form.addEventListener("input", (event) => {
    const { target } = event;
    const slider = target.dataset?.for;
    if (slider) document.getElementById(slider).value = target.value;
    const moved = target.id && form.querySelector(`[data-for="${CSS.escape(target.id)}"]`);
    if (moved && target.value !== "") moved.value = target.value;
    if (target.closest?.("[data-list]")) growList(target.closest("[data-list]"));
  });
  form.addEventListener("change", (event) => {
    if (event.target.type === "file") takeFiles(event.target.closest("[data-slot]"), event.target.files, changed);
  });
  form.addEventListener("paste", (event) => {
    const slot = form.querySelector("[data-slot]");
    if (slot && event.clipboardData.files.length) {
      event.preventDefault();
      takeFiles(slot, event.clipboardData.files, changed);
    }
  });
  document.addEventListener("dragover", (event) => {
    if (form.querySelector("[data-slot]") && event.dataTransfer.types.includes("Files")) {
      event.preventDefault();
      form.dataset.dragging = "";
    }
  });
  for (const end of ["dragleave", "drop"]) document.addEventListener(end, () => delete form.dataset.dragging);
  document.addEventListener("drop", (event) => {
    const slot = event.target.closest?.("[data-slot]") ?? form.querySelector("[data-slot]");
    if (slot && event.dataTransfer.files.length) {
      event.preventDefault();
      takeFiles(slot, event.dataTransfer.files, changed);
    }
  });
  showSlots(form);
}

let chosen = 0;

async function chooseModel(form, changed) {
  const turn = ++chosen;
  const [status, body] = await post("/create/controls", new URLSearchParams(new FormData(form)).toString());
  // A later choice has overtaken this one.
  if (status !== 200 || turn !== chosen) return;
  const { needed, rest, dropped } = JSON.parse(body);
  form.querySelector("[data-controls=needed]").innerHTML = needed;
  form.querySelector("[data-controls=rest]").innerHTML = rest;
  const note = form.querySelector("[data-dropped]");
  note.textContent = dropped ?? "";
  note.hidden = !dropped;
  showSlots(form);
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
    slot.querySelector(".slot-pick").hidden = false;
    for (const address of slot.querySelectorAll(".slot-address")) {
      if (address.value.startsWith("atelier:file:")) showFile(slot, address, address.value.slice("atelier:file:".length));
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
  const words = JSON.parse(slot.dataset.words);
  const many = "many" in slot.dataset;
  for (const file of many ? files : [...files].slice(0, 1)) {
    const address = freeAddress(slot, many);
    const shown = row(slot, address);
    const says = shown.querySelector(".slot-name");
    uploads += 1;
    try {
      const { id } = await upload(file, (percent) => (says.textContent = `${words.uploading} ${percent} %`));
      address.value = `atelier:file:${id}`;
      showFile(slot, address, id, file.name);
    } catch (error) {
      says.textContent = error.message || words.failed;
      shown.dataset.failed = "";
    } finally {
      uploads -= 1;
      if (!uploads) waiting.splice(0).forEach((resolve) => resolve());
      changed();
    }
  }
  slot.querySelector("input[type=file]").value = "";
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

function showFile(slot, address, id, name = "") {
  const shown = row(slot, address);
  shown.querySelector(".slot-name").textContent = name;
  if (!shown.querySelector("img")) {
    const picture = Object.assign(document.createElement("img"), { alt: "", src: `/api/app/files/${id}` });
    picture.addEventListener("error", () => picture.remove());
    shown.prepend(picture);
  }
}

// What is wrong, as [{at, says}], at the controls it is about; those of before are right again.
export function showViolations(form, violations) {
  for (const problem of form.querySelectorAll(".controls .problem")) problem.hidden = true;
  for (const field of form.querySelectorAll(".controls [aria-invalid]")) field.removeAttribute("aria-invalid");
  for (const { at, says } of JSON.parse(violations || "[]")) {
    const control = form.querySelector(`[data-property="${CSS.escape(at)}"]`);
    if (!control) continue;
    const problem = control.querySelector(".problem");
    problem.textContent = says;
    problem.hidden = false;
    control.querySelector("[name]:not([type=hidden])")?.setAttribute("aria-invalid", "true");
    control.closest("details")?.setAttribute("open", "");
  }
}
