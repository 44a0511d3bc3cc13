// The demo's desk: fetches who is waiting every few seconds, so that nobody has to reload the page.
const PAUSE = 3_000; // ms

export default class Desk {
  constructor($root) {
    this.$root = $root;
    setInterval(() => this.look(), PAUSE);
  }

  async look() {
    if (document.hidden || this.$root.contains(document.activeElement)) return;
    const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const $fresh = page.getElementById(this.$root.id);
    if ($fresh) this.$root.replaceChildren(...$fresh.childNodes);
  }
}
