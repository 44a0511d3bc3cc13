// Shows the face device somebody's face, once, under a permit: a few frames straight, a few turned.
// Frames go to the device and nowhere else; the camera is stopped on every way out of this page.
// Where people keep their own reference, its code is read before (data-code=bring) or shown after (take).
import { forget, kept } from "./holder.mjs";

const WIDTH = 640; // pixels: what the device works with
const QUALITY = 0.9;
const READY = 1_600; // ms to look up before the first frame
const LOWER = 1_200; // ms more to put away what was shown
const STRAIGHT = { frames: 3, pause: 300 };
const TURNED = { frames: 4, pause: 550, before: 500 };
const DARK = 14; // of 255: mean brightness under which the camera must be covered
const BEGIN = 8_000; // ms for the device to draw its question
const LONGEST = 20_000; // ms more for all the rest: then it stops, whatever happens

export default class Capture {
  constructor($root) {
    this.$root = $root;
    this.$video = $root.querySelector("video");
    this.$ring = $root.querySelector("[data-ring]");
    this.$answer = $root.querySelector("form[data-answer]");
    this.cut = new AbortController(); // what is being sent ends with the camera
    addEventListener("pagehide", () => this.stop());
    addEventListener("submit", (event) => { if (!event.defaultPrevented) this.stop(); });
    this.run();
  }

  async run() {
    const { code } = this.$root.dataset;
    this.sealed = code === "bring" ? kept() : "";
    const shows = code === "bring" && !this.sealed;
    this.within(BEGIN + LONGEST);
    let device = shows ? null : this.begin(); // the device draws its question while the camera warms up
    device?.catch((error) => this.fail(error));
    try {
      await this.open();
      if (shows) this.sealed = await (await import("./code.mjs")).readCode(this);
      if (shows) this.within(BEGIN + LONGEST);
      device ??= this.begin();
      const { turn } = await device;
      const frames = await this.film(turn, shows ? READY + LOWER : READY);
      this.advise("comparing");
      const told = await this.send(frames);
      if (!told.sealed) return this.present(told.result);
      this.darken();
      this.within(LONGEST, "failed");
      await (await import("./code.mjs")).showCode(this, told);
    } catch (error) {
      this.fail(error);
    }
  }

  async open() {
    if (!navigator.mediaDevices?.getUserMedia) throw this.because("absent");
    const video = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      throw this.because(error.name === "NotAllowedError" ? "denied" : "absent");
    }
    if (this.stopped) {
      this.darken(); // it was given up while the camera opened
      throw this.because("failed");
    }
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.giveWay("absent"));
    this.$video.srcObject = this.stream;
    await this.$video.play();
    this.state("on");
  }

  async film(turn, ready) {
    const frames = [];
    this.advise("straight");
    this.count(ready);
    await this.pause(ready);
    while (this.isDark()) {
      this.advise("covered");
      await this.pause(400);
    }
    await this.take(frames, STRAIGHT);
    this.advise(turn);
    this.count(TURNED.before + TURNED.frames * TURNED.pause);
    await this.pause(TURNED.before);
    await this.take(frames, TURNED);
    return frames;
  }

  async take(frames, { frames: many, pause }) {
    for (let taken = 0; taken < many; taken += 1) {
      frames.push(await this.frame());
      await this.pause(pause);
    }
  }

  frame() {
    const { videoWidth: wide, videoHeight: high } = this.$video;
    const scale = Math.min(1, WIDTH / wide);
    const $paper = Object.assign(document.createElement("canvas"), { width: Math.round(wide * scale), height: Math.round(high * scale) });
    $paper.getContext("2d").drawImage(this.$video, 0, 0, $paper.width, $paper.height);
    return new Promise((done) => { $paper.toBlob(done, "image/jpeg", QUALITY); });
  }

  isDark() {
    this.$small ??= Object.assign(document.createElement("canvas"), { width: 16, height: 12 });
    const paper = this.$small.getContext("2d", { willReadFrequently: true });
    paper.drawImage(this.$video, 0, 0, 16, 12);
    const { data } = paper.getImageData(0, 0, 16, 12);
    return data.reduce((sum, value, at) => (at % 4 === 3 ? sum : sum + value), 0) / (16 * 12 * 3) < DARK;
  }

  async begin() {
    const timer = setTimeout(() => this.giveWay("failed"), BEGIN);
    try {
      return await this.ask("begin");
    } finally {
      clearTimeout(timer);
    }
  }

  async send(frames) {
    const body = new FormData();
    frames.forEach((frame, at) => body.append("frame", frame, `${at}.jpg`));
    if (this.sealed) body.append("sealed", this.sealed);
    this.sealed = "";
    forget();
    return this.ask(this.$root.dataset.verb, body);
  }

  async ask(verb, body) {
    const { device, permit } = this.$root.dataset;
    const headers = { Authorization: `Bearer ${permit}`, Accept: "application/json" };
    const answer = await fetch(`${device}/${verb}`, { method: "POST", headers, body, cache: "no-store", credentials: "omit", signal: this.cut.signal });
    const told = await answer.json();
    if (!answer.ok) throw this.because({ busy: "busy", too_late: "late", timed_out: "late" }[told.code] ?? "failed");
    return told;
  }

  present(word) {
    if (this.stopped) return;
    this.$answer.querySelector("textarea").value = word;
    this.$answer.requestSubmit();
    this.stop();
  }

  /** Give way after so many milliseconds, unless another step is given its own time before. */
  within(ms, why = "late") {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.giveWay(why), ms);
  }

  fail(error) {
    if (!this.stopped) this.giveWay(error.why ?? "failed");
  }

  because(why) { return Object.assign(new Error(why), { why }); }

  pause(ms) {
    return new Promise((done, fail) => { setTimeout(() => (this.stopped ? fail(this.because("failed")) : done()), ms); });
  }

  /** Let the ring close in so many milliseconds. */
  count(ms) {
    this.$ring.getAnimations().forEach((one) => one.cancel());
    this.$ring.animate([{ strokeDashoffset: 100 }, { strokeDashoffset: 0 }], { duration: ms, fill: "forwards" });
  }

  advise(which) {
    for (const $line of this.$root.querySelectorAll("[data-advice]")) $line.hidden = $line.dataset.advice !== which;
    for (const $arrow of this.$root.querySelectorAll("[data-arrow]")) $arrow.toggleAttribute("hidden", $arrow.dataset.arrow !== which);
  }

  giveWay(why) {
    this.stop();
    this.state(why);
    for (const $part of this.$root.querySelectorAll("[data-live]")) $part.hidden = true;
    for (const $text of this.$root.querySelectorAll("[data-message]")) $text.hidden = $text.dataset.message !== why;
    this.$root.querySelector("[data-again]").hidden = why === "absent";
  }

  stop() {
    this.stopped = true;
    this.cut.abort();
    this.darken();
  }

  darken() {
    clearTimeout(this.timer);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.state("off");
  }

  state(word) { this.$root.dataset.camera = word; }
}
