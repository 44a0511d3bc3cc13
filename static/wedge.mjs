// A keyboard-wedge scanner anywhere on the page: fast typing that ends with Enter, or with silence.
// Tab, Enter and Space on a focused button stay what they are while nothing is being typed.
const LEAST = 4; // characters; fewer are somebody touching a keyboard
const SCANNED = 20; // characters after which silence alone is an end
const SILENCE = 500; // ms: a wireless scanner may stumble in the middle
const MORE_LINES = 700; // ms after Enter in which the next line of a passport may begin
const HALF_A_ZONE = [30, 36, 44, 60]; // characters of a machine-readable zone whose last line is to come (ICAO 9303)
const STALE = 3_000; // ms after which typing that never ended is forgotten

export default class Wedge {
  constructor($form) {
    this.$form = $form;
    this.$text = $form.querySelector("textarea");
    this.$digits = $form.dataset.digits ? document.querySelector($form.dataset.digits) : null;
    this.text = "";
    document.addEventListener("keydown", (event) => this.hear(event), { capture: true });
    document.addEventListener("keyup", (event) => { if (this.text && event.key === " ") event.preventDefault(); });
  }

  hear(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (!this.text && event.target.matches?.("input, textarea")) return;
    if (event.key === "Enter") this.end(event);
    else if (event.key.length === 1) this.add(event);
    else if (event.key === "Tab" && this.text.length >= SCANNED) this.end(event);
  }

  add(event) {
    if (!this.text && event.key === " ") return;
    if (!this.text && this.$digits && /\d/.test(event.key)) { this.handOver(event); return; }
    event.preventDefault();
    this.text += event.key;
    this.later(this.text.length >= SCANNED ? SILENCE : STALE);
  }

  end(event) {
    if (this.text.length < LEAST) return this.forget();
    event.preventDefault();
    this.text += "\n";
    if (this.wantsMore()) this.later(MORE_LINES);
    else this.send();
  }

  wantsMore() {
    const text = this.text.replace(/\s/g, "");
    return text.includes("<") && HALF_A_ZONE.includes(text.length);
  }

  later(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (pause === STALE ? this.forget() : this.send()), pause);
  }

  forget() {
    clearTimeout(this.timer);
    this.text = "";
  }

  /** Digits typed by hand belong in the visible field, where they can be seen. */
  handOver(event) {
    event.preventDefault();
    this.$digits.closest("details")?.setAttribute("open", "");
    this.$digits.focus();
    this.$digits.setRangeText(event.key, this.$digits.value.length, this.$digits.value.length, "end");
    this.$digits.dispatchEvent(new Event("input", { bubbles: true }));
  }

  send() {
    this.$text.value = this.text.trimEnd();
    this.forget();
    const $status = document.querySelector("[data-reading]");
    if ($status) $status.textContent = $status.dataset.reading;
    this.$form.requestSubmit();
  }
}
