// Counts the seconds until the same way may be tried again; every other way is open all the while.
export default class Countdown {
  constructor($root) {
    this.$root = $root;
    this.$count = $root.querySelector("[data-count]");
    this.$again = document.querySelector("[data-act=again]");
    this.until = performance.now() + Number($root.dataset.seconds) * 1000;
    if (this.$again) this.$again.disabled = true;
    this.timer = setInterval(() => this.tick(), 250);
  }

  tick() {
    const left = Math.ceil((this.until - performance.now()) / 1000);
    this.$count.textContent = Math.max(0, left);
    if (left > 0) return;
    clearInterval(this.timer);
    for (const $words of this.$root.querySelectorAll("[data-when]")) $words.hidden = $words.dataset.when !== "over";
    if (this.$again) this.$again.disabled = false;
  }
}
