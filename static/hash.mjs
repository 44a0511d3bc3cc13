// A link carries its code behind the #, where no server and no log sees it: take it, wipe it, send it.
export default class Hash {
  constructor($form) {
    const code = decodeURIComponent(location.hash.slice(1));
    if (!code) return;
    history.replaceState(null, "", location.pathname);
    $form.querySelector("[name=code]").value = code;
    $form.requestSubmit();
  }
}
