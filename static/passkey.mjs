// Asks the browser for a passkey, to be made or shown, and sends the form it stands in with the answer.
// Everything it could have to say is on the page already, hidden.
const WHY = {
  NotAllowedError: "refused", // stopped, too late, or none here: browsers do not tell which
  AbortError: "refused",
  InvalidStateError: "known",
  SecurityError: "place",
  NotSupportedError: "absent",
};
const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

export default class Passkey {
  constructor($root) {
    this.$root = $root;
    this.$form = $root.closest("form");
    this.$button = $root.querySelector("[data-passkey]");
    if (location.origin !== $root.dataset.origin) return this.tell("place");
    if (!globalThis.PublicKeyCredential) return this.tell("absent");
    this.$button.hidden = false;
    this.$form.addEventListener("click", (event) => this.spareCode(event));
    this.$form.addEventListener("submit", (event) => this.submit(event));
  }

  /** Whoever presses the passkey need not type a code besides; everything else is still asked for. */
  spareCode(event) {
    const { code } = this.$form.elements;
    const $pressed = event.target.closest("button");
    if (code && $pressed) code.required = $pressed !== this.$button;
  }

  async submit(event) {
    if (event.submitter !== this.$button || this.answered) return;
    event.preventDefault();
    if (this.busy) return;
    this.busy = true;
    this.tell("");
    this.$button.setAttribute("aria-busy", "true");
    const answer = await this.ask().catch((error) => this.tell(WHY[error.name] ?? "failed", true));
    this.$button.removeAttribute("aria-busy");
    this.busy = false;
    if (!answer) return;
    this.$root.querySelector("[name=answer]").value = JSON.stringify(answer);
    this.answered = true;
    this.$form.requestSubmit(this.$button);
  }

  async ask() {
    const { ask, kind } = this.$root.dataset;
    const options = await fetch(ask, { cache: "no-store", headers: { Accept: "application/json" } });
    if (options.redirected) return location.reload(); // signed out meanwhile: the page says so
    if (!options.ok) throw new Error(`passkey: ${options.status}`);
    const publicKey = read(await options.json());
    return write(await navigator.credentials[kind]({ publicKey }));
  }

  tell(which, looking = false) {
    for (const $message of this.$root.querySelectorAll("[data-message]")) {
      $message.hidden = $message.dataset.message !== which;
      if (looking && !$message.hidden) $message.focus(); // so that it is read out
    }
  }
}

/** What is bytes in the options travels as base64url. Browsers can read it themselves, but not all. */
const read = ({ challenge, user, excludeCredentials, allowCredentials, ...rest }) => ({
  ...rest,
  challenge: bytes(challenge),
  ...(user && { user: { ...user, id: bytes(user.id) } }),
  ...(excludeCredentials && { excludeCredentials: excludeCredentials.map(named) }),
  ...(allowCredentials && { allowCredentials: allowCredentials.map(named) }),
});

/** What came of it. Password managers that stand in for the browser lack its own `toJSON`. */
const write = ({ id, type, rawId, response }) => ({
  id,
  type,
  rawId: text(rawId),
  response: Object.fromEntries(PARTS.filter((part) => response[part]).map((part) => [part, text(response[part])])),
});

const named = (credential) => ({ ...credential, id: bytes(credential.id) });
const bytes = (base64url) => Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
