// What a page can notice by itself: that the line is down, that the house serves a newer build, that a file is not there.
// On pages about trouble it also counts a wait down and copies a number. It changes nothing that anybody typed, and it
// never loads a page again by itself.

const BUILD = new URL(import.meta.url).pathname.split("/")[2];
const LOOK_EVERY_MS = 5 * 60_000;
const LOOK_AT_MOST_EVERY_MS = 60_000;
const LOOK_FOR_FILE_AFTER_MS = 5_000;

const signals = document.getElementById("signals");
const words = signals?.dataset ?? {};

// --- Sentences above the page --------------------------------------------------------------------------------------------

const shown = new Map();

function signal(name, sentence, link) {
  if (!signals || shown.has(name)) return;
  const line = Object.assign(document.createElement("p"), { className: `signal ${name}`, textContent: sentence });
  if (link) line.append(" ", link);
  shown.set(name, line);
  signals.append(line);
}

function unsignal(name) {
  shown.get(name)?.remove();
  shown.delete(name);
}

const offline = () => (navigator.onLine ? unsignal("offline") : signal("offline", words.offline));
addEventListener("offline", offline);
addEventListener("online", offline);
offline();

// --- A newer build -------------------------------------------------------------------------------------------------------

let looked = Date.now();

async function look() {
  if (document.hidden || Date.now() - looked < LOOK_AT_MOST_EVERY_MS) return;
  looked = Date.now();
  const answer = await fetch("/build", { cache: "no-store" }).catch(() => undefined);
  if (!answer?.ok || (await answer.text()) === BUILD) return;
  const renew = Object.assign(document.createElement("a"), { href: location.href, textContent: words.renew });
  renew.addEventListener("click", (event) => {
    event.preventDefault();
    location.reload();
  });
  signal("newer", words.newer, renew);
}

if (signals) {
  setInterval(look, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
}

// --- Files that are not there --------------------------------------------------------------------------------------------

// A copy that is missing is no loss while another is there: every address the picture knows is tried once.
function nextAddress(image) {
  const tried = (image.dataset.tried ?? "").split(" ");
  const holder = image.closest("a")?.getAttribute("href") ?? "";
  const listed = (image.dataset.others ??= image.srcset.split(",").map((one) => one.trim().split(" ")[0]).join(" "));
  const known = [...listed.split(" "), ...(holder.startsWith("/files/") ? [holder] : [])];
  return known.find((address) => address && !tried.includes(address) && new URL(address, location.href).href !== image.currentSrc);
}

async function missing(image) {
  const holder = image.closest(".tile, .stage-picture, .strip a, .generation");
  if (!holder || !signals || holder.dataset.missing) return;
  const next = nextAddress(image);
  if (next) {
    image.dataset.tried = `${image.dataset.tried ?? ""} ${next}`;
    image.removeAttribute("srcset");
    image.src = next;
    return;
  }
  const answer = await fetch(image.src, { method: "HEAD", cache: "no-store" }).catch(() => undefined);
  const gone = answer?.status === 404 || answer?.status === 410;
  holder.dataset.missing = gone ? words.fileMissing : words.fileAway;
  if (gone) return;
  // Away is not gone: it is asked for again, and what comes is shown.
  const again = new Image();
  again.onload = () => {
    delete holder.dataset.missing;
    image.src = again.src;
  };
  again.onerror = () => setTimeout(() => (again.src = image.src), LOOK_FOR_FILE_AFTER_MS);
  setTimeout(() => (again.src = image.src), LOOK_FOR_FILE_AFTER_MS);
}

document.addEventListener("error", ({ target }) => target instanceof HTMLImageElement && missing(target), true);
for (const image of document.images) if (image.complete && image.currentSrc && image.naturalWidth === 0) missing(image);

// --- Pages about trouble -------------------------------------------------------------------------------------------------

for (const line of document.querySelectorAll("[data-wait]")) {
  let left = Number(line.dataset.wait);
  const again = document.querySelector("[data-again]");
  again?.setAttribute("aria-disabled", "true");
  const hold = (event) => left > 0 && event.preventDefault();
  again?.addEventListener("click", hold);
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) {
      line.firstChild.textContent = line.firstChild.textContent.replace(/\d+/, left);
      return;
    }
    clearInterval(timer);
    line.textContent = line.dataset.waited;
    again?.removeAttribute("aria-disabled");
  }, 1_000);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  // Clipboards are for pages that came over https, and for this machine.
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.lastElementChild.textContent = button.dataset.copied;
  });
}

// --- The app that a telephone keeps --------------------------------------------------------------------------------------

// An app without an address bar has nothing to say "no connection" with but a page of ours, and only a worker can bring
// one then. A browser's own tab says it itself, and gets no worker.
if (matchMedia("(display-mode: standalone)").matches) navigator.serviceWorker?.register(`/sw.js?${BUILD}`).catch(() => {}); // the page may go before it is there

// --- The other language --------------------------------------------------------------------------------------------------

// The form comes back to the page it stands on. What is being written would be lost on the way, unless it goes along.
const LONGEST_ADDRESS = 6_000;

document.addEventListener("submit", ({ target }) => {
  if (target.getAttribute("action") !== "/preferences") return;
  const written = document.querySelector("form[action='/generate'] [name=prompt]")?.value;
  const next = target.elements.next;
  if (!written || !next) return;
  const address = new URL(location.href);
  address.searchParams.delete("remix");
  for (const name of ["prompt", "model"]) {
    const value = document.querySelector(`form[action='/generate'] [name=${name}]`)?.value;
    if (value) address.searchParams.set(name, value);
  }
  const back = address.pathname + address.search;
  if (back.length < LONGEST_ADDRESS) next.value = back;
});
