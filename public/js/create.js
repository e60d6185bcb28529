// The create page beside its button: the keys of the prompt, earlier prompts, the draft, one's own pictures, saved
// settings, the form as a program, the same once more, cancelling what waits, and signing in again. All of it saves the
// waiting; the forms behind it work without.

const form = document.querySelector("form.composer");
const prompt = form.elements.prompt;
const at = (id) => document.getElementById(id);
const JSON_ONLY = { accept: "application/json" };
const fieldsOf = () => new URLSearchParams(new FormData(form));
// The button's own script, which hears what this one tells it, wakes later.
const awake = new Promise((woken) => ("awake" in form.dataset ? woken() : form.addEventListener("atelier:awake", woken, { once: true })));
const tell = (name, detail) => form.dispatchEvent(new CustomEvent(`atelier:${name}`, { detail }));

function setPrompt(words) {
  prompt.value = words;
  tell("words");
}

// Puts these values into the form, and a model's own controls, as the server drew them.
function fill(values, controls) {
  for (const name of ["model", "count", "seed", "aspect_ratio"]) if (values[name] !== undefined) form.elements[name].value = values[name];
  tell("controls", controls);
}

async function send(action, body) {
  const answer = await fetch(action, { method: "POST", headers: JSON_ONLY, body }).catch(() => ({ status: 0, text: async () => "" }));
  if (answer.status === 401) dispatchEvent(new Event("atelier:signed-out"));
  const text = await answer.text();
  try {
    return { status: answer.status, text, said: JSON.parse(text) };
  } catch {
    return { status: answer.status, text, said: {} };
  }
}

let toldFor;
function toast(words) {
  clearTimeout(toldFor);
  Object.assign(at("told"), { textContent: words, hidden: false });
  toldFor = setTimeout(() => (at("told").hidden = true), 6_000);
}

// The prompt. Safari ends a composition before it reports the Enter that ended it.
const AFTER_COMPOSITION_MS = 50;
let composedAt = -Infinity;
prompt.addEventListener("compositionend", ({ timeStamp }) => (composedAt = timeStamp));
prompt.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.key === "Process") return;
  const command = event.ctrlKey || event.metaKey;
  if (event.key === "Enter") {
    if (event.timeStamp - composedAt < AFTER_COMPOSITION_MS) return;
    const generates = at("keys").dataset.enter === "generates" && !event.shiftKey;
    if (!command && !generates) return;
    event.preventDefault();
    // A key held down asks once.
    if (!event.repeat) form.requestSubmit();
  } else if (event.key === "ArrowUp" && command) {
    event.preventDefault();
    openHistory();
  } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && !event.shiftKey && !event.altKey) {
    const begins = prompt.selectionStart === 0 && prompt.selectionEnd === 0;
    if (begins && (event.key === "ArrowUp" || place >= 0)) {
      event.preventDefault();
      walk(event.key === "ArrowUp" ? 1 : -1);
    }
  }
});

// Earlier prompts
let earlier; // a promise of all of them
let place = -1;
let typed = "";
const prompts = (words = "") => fetch(`/api/app/prompts?q=${encodeURIComponent(words)}`, { headers: JSON_ONLY }).then((answer) => (answer.ok ? answer.json() : { prompts: [] }), () => ({ prompts: [] }));
addEventListener("atelier:answered", () => (earlier = undefined));
prompt.addEventListener("input", () => (place = -1));

async function walk(step) {
  const all = (await (earlier ??= prompts())).prompts;
  const next = Math.min(all.length - 1, place + step);
  if (place < 0) typed = prompt.value;
  if (next === place) return;
  setPrompt(next < 0 ? typed : all[next]);
  place = Math.max(-1, next);
  prompt.setSelectionRange(0, 0);
}

const history = at("history");
const historyFind = history.querySelector(".over-find");
let asked = 0;
async function showHistory() {
  const turn = ++asked;
  const { prompts: found } = await prompts(historyFind.value);
  if (turn !== asked) return;
  history.querySelector(".over-empty").hidden = found.length > 0;
  const rows = found.map((words) => {
    const row = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
    row.append(button);
    return row;
  });
  history.querySelector(".history-list").replaceChildren(...rows);
}
function openHistory() {
  historyFind.value = "";
  history.showModal();
  showHistory();
}
historyFind.addEventListener("input", showHistory);
history.addEventListener("click", ({ target }) => {
  const words = target.closest(".history-list button")?.textContent;
  if (words === undefined) return;
  setPrompt(words);
  history.close();
  prompt.focus();
});

// One's own pictures
async function openPictures() {
  const dialog = at("yours");
  dialog.showModal();
  const { pictures } = await fetch("/api/app/pictures", { headers: JSON_ONLY }).then((answer) => answer.json(), () => ({ pictures: [] }));
  dialog.querySelector(".over-empty").hidden = pictures.length > 0;
  const rows = pictures.map(({ url, small, alt }) => {
    const row = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.dataset.url = url;
    button.append(Object.assign(new Image(), { src: small, alt, loading: "lazy" }));
    row.append(button);
    return row;
  });
  dialog.querySelector(".yours-list").replaceChildren(...rows);
}
at("yours").addEventListener("click", ({ target }) => {
  const url = target.closest("[data-url]")?.dataset.url;
  if (!url) return;
  at("yours").close();
  tell("reference", url);
});

const OPENS = { history: openHistory, yours: openPictures };
addEventListener("atelier:open", ({ detail }) => OPENS[detail]?.());
document.addEventListener("click", ({ target }) => {
  OPENS[target.closest("[data-open]")?.dataset.open]?.();
  // A click beside a dialog closes it.
  if (target.matches("dialog.over[open]")) target.close();
});
form.querySelector("[data-open=history]").hidden = false;

// The draft: what was typed in a tab that is gone comes back in the next one. A tab that is open holds a lock.
const DRAFT = `atelier-draft:${form.elements.page.value}:`;
const KEPT_MS = 7 * 24 * 60 * 60 * 1_000;
const tab = (sessionStorage.draft ??= Math.random().toString(36).slice(2));
const KEPT = /^(model|count|seed|aspect_ratio|input\..+)$/;
const settings = () => new URLSearchParams([...fieldsOf()].filter(([name]) => KEPT.test(name))).toString();

function keepDraft() {
  const draft = { prompt: prompt.value, settings: settings(), at: Date.now() };
  if (draft.prompt.trim()) localStorage.setItem(DRAFT + tab, JSON.stringify(draft));
  else localStorage.removeItem(DRAFT + tab);
}

async function bringDraft() {
  const open = navigator.locks ? (await navigator.locks.query()).held.map(({ name }) => name) : [];
  navigator.locks?.request(DRAFT + tab, () => new Promise(() => {}));
  const drafts = Object.keys(localStorage)
    .filter((key) => key.startsWith(DRAFT) && !open.includes(key))
    .map((key) => ({ key, ...JSON.parse(localStorage[key]) }))
    .sort((one, other) => (other.key === DRAFT + tab) - (one.key === DRAFT + tab) || other.at - one.at);
  for (const { key, at: when } of drafts) if (when < Date.now() - KEPT_MS) localStorage.removeItem(key);
  const [draft] = drafts.filter(({ at: when }) => when >= Date.now() - KEPT_MS);
  if (!draft || prompt.value || location.search) return;
  setPrompt(draft.prompt);
  if (draft.key !== DRAFT + tab) localStorage.removeItem(draft.key);
  const kept = new URLSearchParams(draft.settings);
  const isOffered = [...form.elements.model.options].some(({ value }) => value === kept.get("model"));
  await awake;
  const before = settings();
  if (isOffered && kept.toString() !== before) {
    const { status, said } = await send("/create/controls", kept);
    // What was set meanwhile counts.
    if (status === 200 && settings() === before) fill(Object.fromEntries(kept), said);
  }
  keepDraft();
}
form.addEventListener("input", keepDraft);
form.addEventListener("change", keepDraft);
bringDraft();

// Buttons that post the form elsewhere, and forms of cards.
document.addEventListener(
  "submit",
  (event) => {
    const action = event.submitter?.getAttribute("formaction") ?? event.target.getAttribute("action");
    const deed = DEEDS.find(([pattern]) => pattern.test(action));
    if (!deed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    deed[1](action, event.target);
  },
  true,
);

const DEEDS = [
  [/^\/create\/request$/, showCode],
  [/^\/create\/presets$/, savePreset],
  [/^\/create\/presets\/[^/]+$/, applyPreset],
  [/^\/create\/presets\/[^/]+\/delete$/, deletePreset],
  [/^\/g\/[^/]+\/retry$/, retry],
  [/^\/generations\/cancel\?only=queued$/, cancelWaiting],
];

// The form as a program
let programs = {};
async function showCode(action) {
  const { status, said, text } = await send(action, fieldsOf());
  if (status !== 200) return tell("refused", { status, body: text });
  programs = said;
  showTab("curl");
  form.querySelector("details.advanced").open = false;
  at("code").showModal();
}
function showTab(name) {
  for (const tab of document.querySelectorAll(".code-tab")) {
    tab.setAttribute("aria-selected", tab.dataset.code === name);
    tab.tabIndex = tab.dataset.code === name ? 0 : -1;
  }
  const panel = at("code-panel");
  panel.setAttribute("aria-labelledby", `tab-${name}`);
  panel.querySelector("code").textContent = programs[name];
}
at("code").addEventListener("click", async ({ target }) => {
  const name = target.closest("[data-code]")?.dataset.code;
  if (name) showTab(name);
  const copy = target.closest(".code-copy");
  if (!copy) return;
  await navigator.clipboard.writeText(at("code-panel").textContent);
  const says = copy.firstChild;
  const before = says.textContent;
  says.textContent = copy.dataset.copied;
  setTimeout(() => (says.textContent = before), 2_000);
});
at("code").addEventListener("keydown", ({ key, target }) => {
  if (!target.matches(".code-tab") || !["ArrowLeft", "ArrowRight"].includes(key)) return;
  const tabs = [...document.querySelectorAll(".code-tab")];
  const next = tabs.at((tabs.indexOf(target) + (key === "ArrowRight" ? 1 : -1)) % tabs.length);
  showTab(next.dataset.code);
  next.focus();
});

// Saved settings
function showPresets({ status, said }) {
  if (said.presets !== undefined) form.querySelector("[data-presets]").innerHTML = said.presets;
  const problem = form.querySelector("[data-preset-problem]");
  problem.textContent = said.problem ?? "";
  problem.hidden = !said.problem;
  if (status === 201) form.elements.preset_name.value = "";
}
async function savePreset(action) {
  showPresets(await send(action, fieldsOf()));
}
async function deletePreset(action) {
  showPresets(await send(action, fieldsOf()));
  form.elements.preset_name.focus();
}
async function applyPreset(action) {
  const { status, said } = await send(action, fieldsOf());
  if (status !== 200) return;
  fill(said, said);
}
form.elements.preset_name.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  form.querySelector(".preset-save button").click();
});

// The same once more; the stream brings the card.
async function retry(action, retried) {
  const button = retried.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  const { status, said } = await send(action, new URLSearchParams(new FormData(retried)));
  if (status === 200 || status === 201) return;
  button.disabled = false;
  if (status !== 401) toast(said.detail ?? "");
}

// Cancelling what waits: asked first, sent six seconds later, undone until then.
const UNDO_MS = 6_000;
let sending;
function cancelWaiting(action) {
  const waiting = [...document.querySelectorAll(".cards [data-state=queued]")];
  const credits = waiting.reduce((sum, card) => sum + Number(card.dataset.cost), 0);
  const bar = at("undo");
  const button = (name) => bar.querySelector(`[data-${name}]`);
  const fill = (words) => words.replace("{n}", waiting.length).replace("{credits}", credits);
  const { confirm, confirmOne, undo, undoOne } = bar.dataset;
  const one = waiting.length === 1;
  const show = (words, ...buttons) => {
    bar.querySelector("p").textContent = fill(words);
    for (const name of ["yes", "no", "undo-it"]) button(name).hidden = !buttons.includes(name);
    bar.hidden = false;
    button(buttons[0]).focus();
  };
  const close = () => {
    clearTimeout(sending);
    bar.hidden = true;
  };
  button("no").onclick = button("undo-it").onclick = close;
  button("yes").onclick = () => {
    show(one ? undoOne : undo, "undo-it");
    sending = setTimeout(() => {
      close();
      send(action);
    }, UNDO_MS);
  };
  show(one ? confirmOne : confirm, "yes", "no");
}

// The session has ended: sign in here, and what was pressed is sent, once.
const session = at("session");
const door = session.querySelector(".session-form");
let pressed = false;
form.addEventListener("submit", ({ submitter }) => (pressed = !submitter?.hasAttribute("formaction")));
addEventListener("atelier:signed-out", () => session.open || session.showModal());
addEventListener("atelier:answered", () => (pressed = false));
door.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = door.querySelector(".problem");
  const say = (words) => Object.assign(problem, { textContent: words, hidden: !words });
  say("");
  const answer = await fetch("/sign-in", { method: "POST", body: new URLSearchParams(new FormData(door)), redirect: "manual" }).catch(() => undefined);
  door.elements.password.value = "";
  if (answer?.type !== "opaqueredirect") {
    // The page behind the door says why it stayed shut; without one, the most likely reason.
    const page = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/html");
    return say(page.querySelector("[role=alert] span")?.textContent ?? door.dataset.wrong);
  }
  const page = await fetch(`/events?page=${form.elements.page.value}`, { method: "HEAD", cache: "no-store" });
  if (page.status === 401) return say(door.dataset.other);
  session.close();
  form.querySelector(".composer-notice").replaceChildren();
  if (pressed) form.requestSubmit();
  pressed = false;
});
