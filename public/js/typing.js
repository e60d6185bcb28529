// Whether keys of one letter do anything. Speech and a stray hand press them too, so everybody can switch them off
// (WCAG 2.1.4), once for all pages: it stands on the sheet of keys, which every page of a person has.

const sheet = () => document.getElementById("keys");

export const areSingleKeysOff = () => sheet()?.dataset.single === "off";

/** Remembers the wish for this page and for all that follow; resolves to whether it was kept. */
export async function switchSingleKeys(isOn) {
  const found = sheet();
  if (found) {
    found.dataset.single = isOn ? "on" : "off";
    found.querySelector("input[name=keys]").checked = isOn;
  }
  const wish = new URLSearchParams({ typing: "1", ...(isOn && { keys: "on" }) });
  const answer = await fetch("/preferences", { method: "POST", body: wish, redirect: "manual" }).catch(() => undefined);
  return answer?.type === "opaqueredirect";
}
