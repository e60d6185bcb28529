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
