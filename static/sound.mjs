// A soft double tone when somebody new waits. Browsers allow it once the page has been touched.
export default class Sound {
  constructor($button) {
    this.$button = $button;
    $button.hidden = !globalThis.AudioContext;
    $button.addEventListener("click", () => (this.context ? this.stop() : this.start()));
    addEventListener("pointerdown", () => this.wanted !== false && this.start(), { once: true });
    addEventListener("someone-waits", () => this.ring());
  }

  start() {
    this.wanted = true;
    this.context ??= new AudioContext();
    this.$button.setAttribute("aria-pressed", "true");
  }

  stop() {
    this.wanted = false;
    this.context.close();
    this.context = null;
    this.$button.setAttribute("aria-pressed", "false");
  }

  ring() {
    if (!this.context) return;
    for (const [pitch, delay] of [[660, 0], [880, 0.18]]) {
      const tone = this.context.createOscillator();
      const loudness = this.context.createGain();
      const at = this.context.currentTime + delay;
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(0.0001, at);
      loudness.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.4);
      tone.connect(loudness).connect(this.context.destination);
      tone.start(at);
      tone.stop(at + 0.45);
    }
  }
}
