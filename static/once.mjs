// A form is sent once, however often its button is pressed; and not at all while nobody would get it.
const PATIENCE = 10_000; // ms without an answer after which another press may try again
const ASKING = 3_000; // ms the gateway has to answer when the browser says there is no connection

/** Guard every form of the page; runs after the forms' own listeners, so a stopped send is not counted. */
export const sendOnce = () => {
  addEventListener("submit", (event) => {
    const { target: $form, submitter: $button } = event;
    if (event.defaultPrevented) return;
    if ($form.dataset.sent) return event.preventDefault();
    if (!navigator.onLine && !$form.dataset.reached) {
      event.preventDefault();
      return holdBack($form, $button);
    }
    delete $form.dataset.reached;
    mark($form, $button);
    setTimeout(() => unmark($form, $button), PATIENCE);
  });
  addEventListener("online", () => tell(false));
};

const mark = ($form, $button) => {
  $form.dataset.sent = "true";
  $button?.setAttribute("aria-busy", "true");
};

const unmark = ($form, $button) => {
  delete $form.dataset.sent;
  $button?.removeAttribute("aria-busy");
};

/** The browser says there is no connection. It knows of the network only: the gateway may be this very machine. */
const holdBack = async ($form, $button) => {
  mark($form, $button);
  const there = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(ASKING) })
    .then((answer) => answer.ok, () => false);
  unmark($form, $button);
  if (there) {
    $form.dataset.reached = "true";
    return $form.requestSubmit($button);
  }
  tell(true);
  if ($form.getAttribute("action") === "/kiosk/leave") leave($form);
  // What a person cannot press again (a scanner's text, the camera's) begins anew.
  else if (!$form.checkVisibility()) addEventListener("online", () => location.reload(), { once: true });
};

const tell = (lost) => {
  for (const $notice of document.querySelectorAll("[data-lost]")) $notice.hidden = !lost;
};

/** Somebody has gone: show nothing of them, and leave as soon as that can be said. */
const leave = ($form) => {
  for (const $dialog of document.querySelectorAll("dialog[open]")) $dialog.close();
  for (const $one of document.forms) $one.reset();
  for (const $field of document.querySelectorAll("input")) $field.dispatchEvent(new Event("input"));
  document.querySelector("main").hidden = true;
  addEventListener("online", () => $form.requestSubmit(), { once: true });
};
