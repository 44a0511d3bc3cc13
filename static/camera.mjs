// Reads a pass with the camera. Frames are looked at here and dropped here: they never leave the browser.
import { makeDetector } from "./detector.mjs";

const PAUSE = 60; // ms between two looks
const DARK = 14; // of 255: mean brightness under which the camera must be covered
const PATIENCE = 25; // dark looks before we say so

export default class Camera {
  constructor($root) {
    this.$root = $root;
    this.$video = $root.querySelector("video");
    this.$form = $root.querySelector("form[data-scan]");
    this.dark = 0;
    addEventListener("pagehide", () => this.stop());
    addEventListener("submit", (event) => { if (!event.defaultPrevented) this.stop(); });
    if (!this.$root.querySelector("[data-live]").hidden) this.start();
    else this.state("absent");
  }

  async start() {
    if (!navigator.mediaDevices?.getUserMedia) return this.giveWay("absent"); // also when not a secure context
    const size = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: size });
    } catch (error) {
      return this.giveWay(error.name === "NotAllowedError" ? "denied" : "absent");
    }
    if (this.stopped) return this.stop();
    this.stream.getVideoTracks()[0].addEventListener("ended", () => this.giveWay("absent"));
    this.$video.srcObject = this.stream;
    try {
      [this.detector] = await Promise.all([makeDetector(this.$root.dataset.vendor), this.$video.play()]);
    } catch {
      return this.stopped || this.giveWay("failed");
    }
    this.state("on");
    this.look();
  }

  async look() {
    if (this.stopped) return;
    const found = this.$video.readyState >= 2 ? await this.detector.detect(this.$video).catch(() => []) : [];
    const texts = found.map(({ rawValue }) => rawValue);
    const pass = texts.find((text) => text.startsWith("EW1:"));
    if (pass && !this.stopped) return this.present(pass);
    if (texts.length) this.advise("foreign");
    else if (this.isDark()) this.advise("covered");
    else if (!this.quiet) this.advise("hold");
    setTimeout(() => this.look(), PAUSE);
  }

  isDark() {
    this.$small ??= Object.assign(document.createElement("canvas"), { width: 16, height: 12 });
    const paper = this.$small.getContext("2d", { willReadFrequently: true });
    paper.drawImage(this.$video, 0, 0, 16, 12);
    const { data } = paper.getImageData(0, 0, 16, 12);
    const mean = data.reduce((sum, value, at) => (at % 4 === 3 ? sum : sum + value), 0) / (16 * 12 * 3);
    this.dark = mean < DARK ? this.dark + 1 : 0;
    return this.dark >= PATIENCE;
  }

  /** Change the advice, and let a changed one stay long enough to be read. */
  advise(which) {
    for (const $line of this.$root.querySelectorAll("[data-advice]")) $line.hidden = $line.dataset.advice !== which;
    if (which === "hold") return;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => { this.quiet = 0; }, 2_500);
  }

  present(pass) {
    this.$form.querySelector("textarea").value = pass;
    this.$form.requestSubmit();
    this.stop();
  }

  giveWay(why) {
    this.stop();
    this.state(why);
    for (const $part of this.$root.querySelectorAll("[data-live]")) $part.hidden = true;
    for (const $text of this.$root.querySelectorAll("[data-message]")) $text.hidden = $text.dataset.message !== why;
    this.$root.querySelector("[data-number]").open = true;
    this.$root.querySelector("[data-others]").hidden = false;
  }

  stop() {
    this.stopped = true;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.state("off");
  }

  state(word) { this.$root.dataset.camera = word; }
}
