// The pass on a phone: a new code before the old one ends, a ring that shows the time left, a lit screen.
const AGAIN = 4_000; // ms before asking again when there was no answer

export default class LivePass {
  constructor($root) {
    this.$root = $root;
    this.$qr = $root.querySelector("[data-qr]");
    this.$ring = $root.querySelector("[data-ring]");
    this.begin(Number($root.dataset.seconds));
    this.stayLit();
    setInterval(() => this.draw(), 200);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); });
    addEventListener("online", () => this.renew());
  }

  begin(seconds) {
    this.whole = seconds * 1000;
    this.began = performance.now();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.renew(), this.whole);
  }

  wake() {
    this.stayLit();
    this.renew();
  }

  async renew() {
    try {
      const answer = await fetch(this.$root.dataset.url, { cache: "no-store", headers: { Accept: "application/json" } });
      if ([401, 403, 404, 410].includes(answer.status)) return location.reload(); // the pass is no longer ours to show
      if (!answer.ok) throw new Error(`pass: ${answer.status}`);
      const { svg, seconds } = await answer.json();
      const picture = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
      this.$qr.replaceChildren(document.importNode(picture, true));
      this.connected(true);
      this.begin(seconds);
    } catch {
      this.connected(false);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.renew(), AGAIN);
    }
  }

  draw() {
    const gone = Math.min(1, (performance.now() - this.began) / this.whole);
    this.$ring.style.strokeDashoffset = 100 * gone;
  }

  connected(yes) {
    for (const $words of this.$root.querySelectorAll("[data-when]")) {
      $words.hidden = ($words.dataset.when === "live") !== yes;
    }
  }

  async stayLit() {
    this.lock = await navigator.wakeLock?.request("screen").catch(() => null);
  }
}
