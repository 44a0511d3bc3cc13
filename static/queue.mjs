// Keeps the queue true without reloading: listens to versions, fetches the list when it changes.
const AGAIN = 1_500; // ms between two questions where nothing can be listened to
const LISTEN_AGAIN = 30_000; // ms until listening is tried anew

export default class Queue {
  constructor($root) {
    this.$root = $root;
    this.$offline = document.querySelector("[data-offline]");
    this.title = document.title;
    this.show();
    setInterval(() => this.tick(), 1_000);
    this.listen();
  }

  listen() {
    if (!globalThis.EventSource) { this.ask(); return; }
    const source = new EventSource(this.$root.dataset.events);
    source.onmessage = (event) => { if (event.data !== this.version) this.fetch(); else this.reached(true); };
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
      source.close();
      this.ask();
    };
    addEventListener("pagehide", () => source.close());
  }

  /** Where no stream is to be had: asks, and tries to listen again after a while. */
  ask() {
    const asking = setInterval(() => this.fetch(), AGAIN);
    setTimeout(() => { clearInterval(asking); this.listen(); }, LISTEN_AGAIN);
    this.fetch();
  }

  get version() { return this.$root.firstElementChild?.dataset.version; }

  async fetch() {
    const address = `${this.$root.dataset.list}?known=${this.version}`;
    const answer = await fetch(address, { cache: "no-store" }).catch(() => null);
    if (answer?.status === 401) location.reload(); // signed out: the page says so
    this.reached(answer?.ok);
    if (answer?.status !== 200) return;
    const before = this.codes();
    this.$root.innerHTML = await answer.text();
    this.show();
    if ([...this.codes()].some((code) => !before.has(code))) dispatchEvent(new Event("someone-waits"));
  }

  reached(well) { if (this.$offline) this.$offline.hidden = Boolean(well); }

  codes() {
    return new Set([...this.$root.querySelectorAll("[data-case]")].map(($row) => $row.dataset.case).filter(Boolean));
  }

  show() {
    const open = this.$root.firstElementChild?.dataset.open ?? "0";
    const $tab = document.querySelector("[data-queue-tab]");
    if ($tab) $tab.dataset.count = open;
    document.title = open === "0" ? this.title : `(${open}) ${this.title}`;
    this.shown = performance.now();
    this.times = [...this.$root.querySelectorAll("[data-since]")].map(($el) => [$el, Number($el.dataset.since)]);
  }

  tick() {
    for (const [$el, since] of this.times) {
      const seconds = Math.floor(since + (performance.now() - this.shown) / 1_000);
      $el.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      $el.classList.toggle("wait-time--long", seconds > 60);
    }
  }
}
