// The door is open: show how long this screen stays, then leave it clean for the next person.
export default class Leave {
  constructor($root) {
    this.$form = $root.querySelector("form");
    this.$bar = $root.querySelector("progress");
    this.whole = Number($root.dataset.seconds) * 1000;
    this.began = performance.now();
    this.$bar.hidden = false;
    this.timer = setInterval(() => this.tick(), 100);
  }

  tick() {
    this.$bar.value = Math.min(1, (performance.now() - this.began) / this.whole);
    if (this.$bar.value < 1) return;
    clearInterval(this.timer);
    this.$form.requestSubmit();
  }
}
