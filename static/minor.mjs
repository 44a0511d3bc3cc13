// Asks about a guardian as soon as a date of birth says that somebody is under age, and lets go of it.
// The gateway insists on its own; without a script it asks on the answer to the first try.
const AGE = 18; // years

export default class Minor {
  constructor($form) {
    this.today = $form.dataset.today;
    this.$born = $form.querySelector("[data-born]");
    this.$grown = $form.querySelector("[name=grown]");
    this.$guardian = $form.querySelector("[data-guardian]");
    if (!this.$born || !this.$grown) return;
    this.$born.addEventListener("input", () => this.answered(this.$born.value !== ""));
    this.$grown.addEventListener("change", () => this.answered(false));
    this.ask();
  }

  /** One of the two answers is enough: the one that is given takes the other's place. */
  answered(byDate) {
    if (byDate) this.$grown.checked = false;
    else if (this.$grown.checked) this.$born.value = "";
    this.ask();
  }

  ask() {
    if (!this.$guardian) return;
    const minor = this.isMinor(this.$born.value);
    this.$guardian.hidden = !minor;
    for (const $one of this.$guardian.querySelectorAll("input, select")) $one.required = minor;
  }

  /** Dates as YYYY-MM-DD compare as text: born after this day eighteen years ago. */
  isMinor(born) {
    const [year, ...day] = this.today.split("-");
    const latest = [String(Number(year) - AGE).padStart(4, "0"), ...day].join("-");
    return born !== "" && born > latest && born <= this.today;
  }
}
