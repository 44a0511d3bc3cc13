// Single keys for the commonest acts: each presses, or goes to, what has that key in data-key.
// They rest while somebody types, and can be switched off (WCAG 2.1.4).
export default class Shortcuts {
  constructor() {
    addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), textarea, select");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const key = event.key.toLowerCase();
    const $target = [...document.querySelectorAll("[data-key]")].find(($el) => $el.dataset.key === key);
    if (!$target) return;
    event.preventDefault();
    if ($target.matches("input, select")) $target.focus();
    else $target.click();
  }
}
