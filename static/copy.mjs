// One press copies; without a clipboard the text is selected instead.
export default class Copy {
  constructor($root) {
    this.$text = $root.querySelector("[data-text]");
    this.$button = $root.querySelector("[data-copy]");
    this.$button.hidden = false;
    this.label = this.$button.textContent;
    this.$button.addEventListener("click", () => this.copy());
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.$text.textContent);
    } catch {
      getSelection().selectAllChildren(this.$text);
      return;
    }
    const $status = document.querySelector("[data-copied]");
    $status.textContent = "";
    this.$button.textContent = $status.dataset.copied;
    setTimeout(() => { $status.textContent = $status.dataset.copied; }, 50);
    setTimeout(() => { this.$button.textContent = this.label; }, 1_500);
  }
}
