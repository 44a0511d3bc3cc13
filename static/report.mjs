// Tells the gateway how this kiosk is: its battery, and whether it has a camera. The camera is never
// asked for here: browsers say without opening one whether there is one. What the screen that reads
// passes found when it opened the camera counts until it tries again; no other screen is looked at.
const MINUTE = 60_000; // ms
const SETTLE = 500; // ms: what changes together is told together
const KEY = "kiosk-report";
const FOUND = { on: "", denied: "refused", absent: "none", failed: "unknown" };

export default class Report {
  constructor($form) {
    this.$form = $form;
    this.$scan = document.querySelector("[data-module~=camera]");
    this.begin();
  }

  async begin() {
    this.battery = await navigator.getBattery?.().catch(() => null);
    for (const what of ["levelchange", "chargingchange"]) this.battery?.addEventListener(what, () => this.soon());
    navigator.mediaDevices?.addEventListener("devicechange", () => { keep({ found: "" }); this.soon(); });
    if (this.$scan) new MutationObserver(() => this.soon()).observe(this.$scan, { attributeFilter: ["data-camera"] });
    this.tell();
  }

  soon() { this.later(SETTLE); }

  later(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell(), ms);
  }

  async tell() {
    const words = { ...this.power(), camera: await this.camera() };
    const said = JSON.stringify(words);
    const before = recall();
    const since = Math.abs(Date.now() - (before.at ?? 0));
    if (said === before.said && since < MINUTE) return this.later(MINUTE - since);
    keep({ said, at: Date.now() });
    this.later(MINUTE);
    await this.send(words).catch(() => keep({ said: "" })); // told again when its minute comes
  }

  async send(words) {
    const body = new URLSearchParams(new FormData(this.$form));
    for (const [name, word] of Object.entries(words)) body.set(name, word);
    const answer = await fetch(this.$form.action, { method: "POST", body, keepalive: true, redirect: "manual", cache: "no-store" });
    if (!answer.ok) throw new Error(`report: ${answer.status}`);
  }

  power() {
    if (!this.battery) return { battery: "", charging: "" };
    return { battery: String(Math.round(this.battery.level * 100)), charging: this.battery.charging ? "yes" : "no" };
  }

  async camera() {
    const state = this.$scan?.dataset.camera;
    if (state in FOUND) keep({ found: FOUND[state] });
    const devices = await navigator.mediaDevices?.enumerateDevices().catch(() => null);
    if (devices && !devices.some(({ kind }) => kind === "videoinput")) return "none";
    return recall().found || (devices ? "ready" : "unknown");
  }
}

// In a browser that keeps nothing, every page tells anew.
const recall = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
};

const keep = (more) => {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ ...recall(), ...more }));
  } catch {
    // see above
  }
};
