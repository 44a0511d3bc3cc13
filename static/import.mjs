// Says how far a list of people is, about once a second, until it rests: then its page stands still.
const PAUSE = 1_000; // ms

export default class Import {
  constructor($root) {
    this.$root = $root;
    this.$offline = document.querySelector("[data-offline]");
    this.timer = setInterval(() => this.ask(), PAUSE);
  }

  get $now() { return this.$root.firstElementChild; }

  async ask() {
    if (document.hidden || this.asking) return;
    this.asking = true;
    const address = `${this.$root.dataset.now}?known=${encodeURIComponent(this.$now.dataset.version)}`;
    const answer = await fetch(address, { cache: "no-store" }).catch(() => null);
    this.asking = false;
    if (answer?.status === 401) return location.reload(); // signed out: the page says so
    if (this.$offline) this.$offline.hidden = Boolean(answer?.ok);
    if (answer?.status === 200) this.take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }

  take(page) {
    const $fresh = page.querySelector("[data-version]");
    if (!$fresh) return;
    if ($fresh.dataset.state === this.$now.dataset.state) this.advance($fresh);
    else this.$root.replaceChildren($fresh);
    if (!("going" in this.$now.dataset)) clearInterval(this.timer);
  }

  /** Moves the bar and leaves the rest: a button somebody is about to press stays where it is. */
  advance($fresh) {
    this.$now.dataset.version = $fresh.dataset.version;
    for (const part of ["progress", "p"]) this.$now.querySelector(part)?.replaceWith($fresh.querySelector(part));
  }
}
