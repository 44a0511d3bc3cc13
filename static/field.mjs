// One field: a visible place for each digit, grouped as people read it, and a switch to show a secret.
// The value itself is never changed: no spaces are put into it.
export default class Field {
  constructor($box) {
    this.$box = $box;
    this.$input = $box.querySelector("input");
    this.sizes = ($box.dataset.groups ?? "").split("-").map(Number).filter(Boolean);
    this.prepareShow($box.querySelector("[data-show]"));
    if (!this.sizes.length) return;
    this.$slots = document.createElement("div");
    this.$slots.className = "slots";
    this.$slots.setAttribute("aria-hidden", "true");
    $box.classList.add("field__box--slots");
    $box.append(this.$slots);
    this.$input.addEventListener("input", () => this.draw());
    this.draw();
  }

  prepareShow($show) {
    if (!$show) return;
    $show.hidden = false;
    $show.addEventListener("click", () => {
      const shown = this.$input.type === "password";
      this.$input.type = shown ? "text" : "password";
      $show.setAttribute("aria-pressed", String(shown));
      this.$input.focus();
      this.draw();
    });
  }

  draw() {
    if (!this.$slots) return;
    const text = this.$input.value.replace(/\s/g, "");
    this.$slots.replaceChildren(...this.groups(text).map(([from, size]) => {
      const $group = document.createElement("span");
      $group.className = "slots__group";
      $group.style.flexGrow = size;
      for (let at = from; at < from + size; at += 1) $group.append(this.place(text, at));
      return $group;
    }));
  }

  /** The groups as [start, size], with one more place for as long as somebody types beyond the last. */
  groups(text) {
    const groups = [];
    let from = 0;
    for (const size of this.sizes) {
      groups.push([from, size]);
      from += size;
    }
    if (text.length > from) groups.push([from, text.length - from]);
    return groups;
  }

  place(text, at) {
    const $place = document.createElement("span");
    $place.className = "slots__place";
    $place.classList.toggle("slots__place--full", at < text.length);
    $place.classList.toggle("slots__place--next", at === text.length);
    if (at < text.length) $place.textContent = this.$input.type === "password" ? "●" : text[at];
    return $place;
  }
}
