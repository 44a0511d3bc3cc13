// Asks now and then whether the gateway has something new to show, and fetches the page when it has.
const PAUSE = 1_500; // ms
const ACTED = 10_000; // ms in which a form that was sent has its answer
const LONGEST = 15_000; // ms between two questions while nobody answers

export default class Wait {
  constructor($main) {
    this.$main = $main;
    this.pause = PAUSE;
    this.until = 0;
    // Somebody has just acted: the page that comes is the answer, and is not to be loaded twice.
    addEventListener("submit", (event) => { if (!event.defaultPrevented) this.until = performance.now() + ACTED; });
    this.later();
  }

  later() { setTimeout(() => this.ask(), this.pause); }

  async ask() {
    try {
      const answer = await fetch("/kiosk/state", { cache: "no-store", headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(`state: ${answer.status}`);
      const { version } = await answer.json();
      if (String(version) !== this.$main.dataset.version && performance.now() > this.until) return location.reload();
      this.connected(true);
    } catch {
      this.connected(false);
    }
    this.later();
  }

  connected(yes) {
    this.pause = yes ? PAUSE : Math.min(LONGEST, this.pause * 2);
    const $offline = this.$main.querySelector("[data-offline]");
    if ($offline) $offline.hidden = yes;
  }
}
