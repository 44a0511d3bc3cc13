// Keeps the doors true: asks every two seconds, and puts in place only the cards that have changed.
// A card in which somebody has opened a question stays until they close it.
const PAUSE = 2_000; // ms

export default class Doors {
  constructor($root) {
    this.$root = $root;
    this.$offline = document.querySelector("[data-offline]");
    this.count();
    setInterval(() => this.tick(), 1_000);
    setInterval(() => this.ask(), PAUSE);
  }

  async ask() {
    if (document.hidden || this.asking) return;
    this.asking = true;
    const address = `${this.$root.dataset.list}?known=${this.version}`;
    const answer = await fetch(address, { cache: "no-store" }).catch(() => null);
    this.asking = false;
    if (answer?.status === 401) return location.reload(); // signed out: the page says so
    if (this.$offline) this.$offline.hidden = Boolean(answer?.ok);
    if (answer?.status === 200) this.take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }

  get version() { return this.stale ? "" : this.$root.firstElementChild.dataset.version; }

  take(page) {
    const $fresh = page.querySelector("[data-version]");
    const parts = ($el) => [...$el.querySelectorAll("[id][data-version]")];
    const same = parts($fresh).map(({ id }) => id).join() === parts(this.$root).map(({ id }) => id).join();
    this.stale = parts(this.$root).some(busy);
    if (!same && !this.stale) this.$root.replaceChildren($fresh);
    else for (const $new of parts($fresh)) this.replace(document.getElementById($new.id), $new);
    if (same) this.$root.firstElementChild.dataset.version = $fresh.dataset.version;
    this.count();
  }

  replace($old, $new) {
    if (!$old || $old.dataset.version === $new.dataset.version || busy($old)) return;
    const at = stops($old).indexOf(document.activeElement);
    $old.replaceWith($new);
    if (at >= 0) stops($new)[at]?.focus();
  }

  count() {
    const now = performance.now();
    this.times = [...this.$root.querySelectorAll("[data-left]")].map(($el) => [$el, now + Number($el.dataset.left) * 1_000]);
  }

  tick() {
    for (const [$el, end] of this.times) {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1_000));
      $el.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    }
  }
}

const busy = ($el) => $el.querySelector("details[open]") !== null;
const stops = ($el) => [...$el.querySelectorAll("a, button, summary, input")];
