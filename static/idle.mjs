// Somebody walked away: warn, count down, then leave. Any key or touch extends (WCAG 2.2.1).
const TELL = 30_000; // ms between two words to the gateway that somebody is here: it waits 2 minutes

export default class Idle {
  constructor($root) {
    const { seconds, warn, extends: times } = $root.dataset;
    Object.assign(this, { $root, seconds: Number(seconds), warn: Number(warn), times: Number(times), used: 0 });
    this.$dialog = $root.querySelector("dialog");
    this.$count = $root.querySelector("[data-count]");
    this.$say = $root.querySelector("[data-say]");
    this.told = performance.now();
    for (const kind of ["keydown", "pointerdown", "click", "wheel", "input"]) {
      document.addEventListener(kind, (event) => this.stir(event), { capture: true, passive: false });
    }
    this.rest();
  }

  rest() {
    clearTimeout(this.timer);
    clearInterval(this.ticking);
    this.timer = setTimeout(() => this.ask(), this.seconds * 1000);
  }

  stir(event) {
    if (!this.$dialog.open) {
      this.used = 0;
      this.rest();
      this.tell();
      return;
    }
    if (!["keydown", "click"].includes(event.type)) return; // a finger is done when it is lifted
    event.preventDefault(); // the touch that says "here" does nothing else
    if (this.used >= this.times) return;
    this.used += 1;
    this.$dialog.close();
    this.rest();
    this.tell();
  }

  /** The gateway, too, ends a visit that stands still: say that it does not. */
  tell() {
    if (performance.now() - this.told < TELL) return;
    this.told = performance.now();
    const body = new URLSearchParams(new FormData(this.$root.querySelector("form")));
    fetch("/kiosk/stay", { method: "POST", body, redirect: "manual" }).catch(() => {});
  }

  ask() {
    this.until = performance.now() + this.warn * 1000;
    this.$dialog.showModal();
    this.tick();
    this.ticking = setInterval(() => this.tick(), 250);
  }

  tick() {
    const left = Math.max(0, Math.ceil((this.until - performance.now()) / 1000));
    this.$count.textContent = left;
    // Spoken at the start and half-way only: a voice that counts every second cannot be listened to.
    if (left === this.warn || left === Math.ceil(this.warn / 2)) this.say(left);
    if (left > 0) return;
    clearInterval(this.ticking);
    this.$root.querySelector("form").requestSubmit();
  }

  say(left) {
    const words = this.$say.dataset.say.replace("#", left);
    if (this.$say.textContent !== words) this.$say.textContent = words;
  }
}
