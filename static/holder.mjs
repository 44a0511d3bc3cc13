// The sealed reference of a face whose holder keeps it. It goes to the face device, from the capture
// screen, and nowhere else: what a scanner types of it never leaves this browser.
const PREFIX = "EWF:";
const KEY = "sealed-face";
const MOST = 700; // characters
const ID = [PREFIX.length, PREFIX.length + 24]; // where its id stands: 16 bytes in base45 (RFC 9285)
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const SCREENS = "[data-screen=consent], [data-screen=capture], [data-way-screen=face]";

export const isSealed = (text) => text.startsWith(PREFIX) && text.length <= MOST && idOf(text) !== "";
export const kept = () => store()?.getItem(KEY) ?? "";
export const forget = () => store()?.removeItem(KEY);

const store = () => {
  try {
    return sessionStorage;
  } catch {
    return null; // a browser that keeps nothing keeps this neither
  }
};

/** The id that stands in it in clear, as 32 hexadecimal digits: all that the gateway is told. */
const idOf = (text) => {
  const groups = text.slice(...ID).match(/.{3}/g) ?? [];
  const pairs = groups.map((group) => [...group].reduceRight((sum, one) => sum * 45 + ALPHABET.indexOf(one), 0));
  const known = [...text.slice(...ID)].every((one) => ALPHABET.includes(one));
  if (!known || pairs.length !== 8 || pairs.some((pair) => pair > 65_535)) return "";
  return pairs.map((pair) => pair.toString(16).padStart(4, "0")).join("");
};

/** Watch every form of the page before any listener of its own; forget what another screen has no use for. */
export const guard = () => {
  if (!document.querySelector("main")?.matches(SCREENS)) forget();
  addEventListener("submit", look, { capture: true });
  addEventListener("input", leaveUndrawn, { capture: true });
  if (!atHome()) return;
  for (const $field of document.querySelectorAll("input[data-kind]")) $field.maxLength = MOST;
};

/** Say whose it is, if it was scanned on another screen and this one asks. */
export const goOn = () => {
  const $claim = document.querySelector("form[action='/kiosk/claim']");
  if (!atHome() || !$claim || !kept() || document.querySelector("main [data-reason]")) return;
  fill($claim);
  $claim.requestSubmit();
};

const atHome = () => document.querySelector("[data-holder]") !== null;
const fill = ($form) => { $form.elements.claim.value = idOf(kept()); };

/** Five hundred places for digits would be drawn for it, five hundred times. */
const leaveUndrawn = (event) => { if (event.target.value?.startsWith(PREFIX)) event.stopImmediatePropagation(); };

const look = (event) => {
  const $form = event.target;
  const $field = [...$form.elements].find(($one) => $one.type !== "hidden" && $one.value?.trim().startsWith(PREFIX));
  if (!$field) return;
  const text = $field.value.trim();
  $field.value = PREFIX; // so that one of another house is only said to be unreadable
  if (!atHome() || !isSealed(text)) return;
  store()?.setItem(KEY, text);
  if ($form.getAttribute("action") === "/kiosk/claim") return fill($form);
  event.preventDefault();
  $field.value = "";
  choose($form.elements.csrf_token.value);
};

/** Turn to the face: whoever scans the code of theirs has chosen it. */
const choose = (token) => {
  const $form = Object.assign(document.createElement("form"), { method: "post", action: "/kiosk/choose", hidden: true });
  for (const [name, value] of Object.entries({ csrf_token: token, way: "face", anew: "1" })) {
    $form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append($form);
  $form.requestSubmit();
};
