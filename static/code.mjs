// The code of a face that its holder keeps: read from their hand, or shown to them to be photographed.
import { makeDetector } from "./detector.mjs";
import { isSealed } from "./holder.mjs";

const PAUSE = 80; // ms between two looks
const LONGEST = 45_000; // ms to find it in: the permit lasts sixty seconds
const PATIENCE = 25; // dark looks before we say so
const ADVISED = 2_000; // ms that other advice stays to be read

/** Look for the code with the camera of a capture; it is read here and leaves with the frames only. */
export const readCode = async (capture) => {
  capture.advise("code");
  capture.within(LONGEST);
  const detector = await makeDetector(capture.$root.dataset.vendor);
  let [dark, until] = [0, 0];
  for (;;) {
    const texts = (await detector.detect(capture.$video).catch(() => [])).map(({ rawValue }) => rawValue);
    const own = texts.find(isSealed);
    await capture.pause(PAUSE);
    if (own) return own;
    dark = capture.isDark() ? dark + 1 : 0;
    const advice = texts.length ? "foreign" : dark >= PATIENCE ? "covered" : "code";
    if (advice === "code" && performance.now() < until) continue;
    if (advice !== "code") until = performance.now() + ADVISED;
    capture.advise(advice);
  }
};

/** Have the gateway file what was made, and only then show its code: one that is shown is good. */
export const showCode = async (capture, { result, svg }) => {
  const { $root, $answer } = capture;
  const body = new URLSearchParams(new FormData($answer));
  body.set("face", result);
  const answer = await fetch($answer.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" }, cache: "no-store", signal: capture.cut.signal });
  const { made } = await answer.json();
  if (capture.stopped) return;
  clearTimeout(capture.timer);
  if (!made) return location.assign("/kiosk"); // it says why
  draw($root.querySelector("[data-picture] svg"), svg);
  for (const $part of $root.querySelectorAll(".look__side, .look__see > :not(h1, [data-held])")) $part.hidden = true;
  for (const $part of $root.querySelectorAll("[data-held]")) $part.hidden = false;
  $root.querySelector("[data-looking]").hidden = true;
  $root.classList.add("look--held");
  $root.querySelector("h1").focus();
};

/** Of the device's picture only the squares are taken. */
const draw = ($svg, text) => {
  const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  $svg.setAttribute("viewBox", picture.getAttribute("viewBox"));
  $svg.querySelector("path").setAttribute("d", picture.querySelector("path").getAttribute("d"));
};
