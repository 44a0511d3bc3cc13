// A form is sent once, however often its button is pressed.
const PATIENCE = 10_000; // ms without an answer after which another press may try again

/** Guard every form of the page; runs after the forms' own listeners, so a stopped send is not counted. */
export const sendOnce = () => addEventListener("submit", (event) => {
  const { target: $form, submitter: $button } = event;
  if (event.defaultPrevented) return;
  if ($form.dataset.sent) {
    event.preventDefault();
    return;
  }
  $form.dataset.sent = "true";
  $button?.setAttribute("aria-busy", "true");
  setTimeout(() => {
    delete $form.dataset.sent;
    $button?.removeAttribute("aria-busy");
  }, PATIENCE);
});
