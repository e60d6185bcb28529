// Verify: recomputes the chain of the person's entries from the exported file, here in the browser, and says of how many
// entries all fits, or which one does not. The same reckoning is in src/server/ledger/export.rs.
import { sha256 } from "./sha256.js";

/** How many entries there are, and the first that does not fit, if one does not; "end" when something after them is gone. */
export async function check(statement) {
  let [previous, posted, place] = ["", 0, 0];
  const count = statement.count;
  for (const entry of statement.entries) {
    place += 1;
    posted += entry.amount;
    const fields = [previous, statement.account, entry.place, entry.kind, entry.ref, entry.amount, entry.posted_after, entry.at];
    const hash = await sha256(fields.map((field) => `${field}\n`).join(""));
    const fits = entry.place === place && entry.previous === previous && entry.hash === hash && entry.posted_after === posted;
    if (!fits) return { count, flaw: { place, ref: entry.ref } };
    previous = entry.hash;
  }
  return place === count && previous === statement.head ? { count } : { count, flaw: "end" };
}

const button = document.querySelector("[data-verify]");
const verdict = document.querySelector("[data-verdict]");

if (button && verdict) {
  const words = JSON.parse(button.dataset.words);
  const number = (value) => value.toLocaleString("en-US");
  const say = (sentence, kind) => {
    verdict.textContent = sentence;
    verdict.className = `badge verdict ${kind}`;
    verdict.hidden = false;
  };
  const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    say(words.checking, "");
    try {
      const answer = await fetch(button.dataset.verify, { headers: { accept: "application/json" }, cache: "no-store" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const { count, flaw } = await check(await answer.json());
      if (!flaw) say(filled(words.right, { n: number(count) }), "ok");
      else if (flaw === "end") say(words.cut, "bad");
      else say(filled(words.flawed, { n: number(count), place: number(flaw.place), ref: flaw.ref }), "bad");
    } catch {
      say(words.away, "warn");
    }
    button.removeAttribute("aria-disabled");
  });
  button.hidden = false;
}
