// Finds every [data-module] in the page, loads only what the page names, and makes each component.
import { goOn, guard } from "./holder.mjs";
import { sendOnce } from "./once.mjs";

const begin = async ($el) => {
  for (const name of $el.dataset.module.split(" ").filter((word) => /^[a-z-]+$/.test(word))) {
    const { default: Component } = await import(`./${name}.mjs`);
    new Component($el);
  }
};

// A page out of the back-forward cache could show the last person: fetch the truth instead.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

guard();
sendOnce();
await Promise.all([...document.querySelectorAll("[data-module]")].map(begin));
document.documentElement.dataset.ready = "true";
goOn();
