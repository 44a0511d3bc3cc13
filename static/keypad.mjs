// Keys on the screen and keys on a desk, both into the right field of one form without a click.
// A wedge scanner is nothing but fast typing and Enter.
const NOT_YET_WHOLE = /^(?=.*<)[A-Za-z0-9<]+$/; // a line of a machine-readable zone
const WHOLE = [72, 88, 90]; // characters of two or three such lines together (ICAO 9303)
const FIRST_LINES = [30, 36, 44, 60];

export default class Keypad {
  constructor($form) {
    this.$form = $form;
    this.$fields = [...$form.querySelectorAll("input[data-kind]")];
    this.$field = this.$fields[0];
    this.$pad = $form.querySelector("[data-keypad]");
    $form.noValidate = true; // the browser's own bubbles speak the browser's language
    if (!this.$field) return;
    this.$fields.forEach(($field) => $field.addEventListener("focus", () => this.turnTo($field)));
    $form.addEventListener("submit", (event) => this.send(event));
    document.addEventListener("keydown", (event) => this.type(event));
    if (this.$pad) this.preparePad();
  }

  preparePad() {
    this.$pad.hidden = false;
    this.$fields.forEach(($field) => { $field.inputMode = "none"; }); // one keypad is enough
    this.$pad.addEventListener("pointerdown", (event) => event.preventDefault()); // keep the focus
    this.$pad.addEventListener("click", (event) => this.press(event.target.closest("button")));
    this.turnTo(this.$field);
  }

  turnTo($field) {
    this.$field = $field;
    const $switch = this.$pad?.querySelector("[data-do=letters]");
    if (!$switch) return;
    $switch.disabled = $field.dataset.kind === "digits";
    if ($switch.disabled) this.show("digits");
  }

  show(panel) {
    for (const $panel of this.$pad.querySelectorAll("[data-panel]")) $panel.hidden = $panel.dataset.panel !== panel;
    for (const $word of this.$pad.querySelectorAll("[data-when]")) $word.hidden = $word.dataset.when !== panel;
    this.$pad.querySelector("[data-do=letters]")?.setAttribute("aria-pressed", String(panel === "letters"));
  }

  press($key) {
    if (!$key) return;
    const { do: act, key } = $key.dataset;
    if (act === "letters") return this.show($key.getAttribute("aria-pressed") === "true" ? "digits" : "letters");
    const $field = this.$field;
    const [from, to] = [$field.selectionStart ?? $field.value.length, $field.selectionEnd ?? $field.value.length];
    if (act === "clear") $field.value = "";
    else if (act === "erase") $field.setRangeText("", from === to ? Math.max(0, from - 1) : from, to, "end");
    else if ($field.value.length < Number($field.dataset.most)) $field.setRangeText(key, from, to, "end");
    $field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  type(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const $at = event.target;
    const inside = this.$fields.includes($at);
    if (event.key === "Enter" && inside && this.wantsMore($at.value)) event.preventDefault();
    if (inside || document.querySelector("dialog[open]") || $at.matches?.("input, textarea")) return;
    const free = !$at.matches?.("button, a, summary");
    if (event.key === "Enter" && free && this.$form.checkVisibility()) this.$form.requestSubmit();
    if (event.key.length === 1 && event.key !== " " && this.$field.checkVisibility()) this.$field.focus();
    if (event.key === "Backspace" && this.$field.checkVisibility()) this.$field.focus();
  }

  /** A scanner ends each line of a passport with Enter: wait for the rest of them. */
  wantsMore(text) {
    return NOT_YET_WHOLE.test(text) && FIRST_LINES.includes(text.length) && !WHOLE.includes(text.length);
  }

  send(event) {
    const $pass = this.$fields.find(($field) => $field.value.startsWith("EW1:"));
    if ($pass) return this.sendOn(event, $pass);
    const $empty = this.$fields.find(($field) => $field.required && !$field.value.trim());
    if (!$empty) return;
    event.preventDefault();
    $empty.focus();
  }

  /** A pass was scanned where something else was asked: it is good all the same. */
  sendOn(event, $pass) {
    const $other = document.querySelector("form[data-scanned]");
    if (!$other) return;
    event.preventDefault();
    $other.querySelector("textarea").value = $pass.value;
    $pass.value = "";
    $other.requestSubmit();
  }
}
