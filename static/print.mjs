// A button that prints the page; without a script the browser's own menu does.
export default class Print {
  constructor($button) {
    $button.hidden = false;
    $button.addEventListener("click", () => print());
  }
}
