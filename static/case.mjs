// Says that a case's page is still open, so that it stays taken, and shows when something changed.
const BEAT = 2_000; // ms
const AWAY = 180_000; // ms without a touch, after which nobody is taken to be there

export default class Case {
  constructor($root) {
    this.$root = $root;
    this.touched = performance.now();
    for (const kind of ["pointerdown", "keydown", "pointermove", "scroll"]) {
      addEventListener(kind, () => { this.touched = performance.now(); }, { passive: true });
    }
    this.beat = setInterval(() => this.stay(), BEAT);
  }

  async stay() {
    if (performance.now() - this.touched > AWAY) return;
    const body = new URLSearchParams({ csrf_token: this.$root.dataset.token });
    const answer = await fetch(this.$root.dataset.stay, { method: "POST", body }).catch(() => null);
    if (answer?.status === 401) location.reload();
    if (!answer?.ok) return;
    const { kept, version } = await answer.json();
    if (!kept) this.say("lost");
    else if (version !== this.$root.dataset.version) this.busy() ? this.say("changed") : location.reload();
  }

  /** Whether somebody has begun to fill something in: then nothing is taken from under their hands. */
  busy() {
    return [...document.querySelectorAll("main input:not([type=hidden])")].some(($field) =>
      $field.type === "radio" || $field.type === "checkbox" ? $field.checked !== $field.defaultChecked : $field.value !== $field.defaultValue);
  }

  say(what) {
    this.$root.querySelector(`[data-${what}]`).hidden = false;
    if (what === "lost") clearInterval(this.beat);
  }
}
