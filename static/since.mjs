// Counts up how long somebody has waited.
export default class Since {
  constructor($el) {
    const began = performance.now() - Number($el.dataset.since) * 1_000;
    setInterval(() => {
      const seconds = Math.floor((performance.now() - began) / 1_000);
      $el.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    }, 1_000);
  }
}
