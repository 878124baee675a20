// A comment that was begun is kept on this device until it is sent.

const SENT = ":sent";

/** Keep what is typed into the form's textarea under `key`; take it away once the server has the comment. */
export function keepDraft(form, key) {
  const field = form.querySelector("textarea");
  const line = form.querySelector("[data-draft]");
  const say = (text) => { if (line) line.textContent = text; };

  // The answer to a sent comment is the page with that comment; anything else and the draft comes back.
  const sent = sessionStorage.getItem(key + SENT);
  sessionStorage.removeItem(key + SENT);
  if (sent !== null && location.hash.startsWith("#comment-") && sent === localStorage.getItem(key)) localStorage.removeItem(key);

  const kept = localStorage.getItem(key);
  if (kept && !field.value) {
    field.value = kept;
    say("Your draft is back");
  }
  field.addEventListener("input", () => {
    if (field.value.trim()) {
      localStorage.setItem(key, field.value);
      say("Draft kept on this device");
    } else {
      localStorage.removeItem(key);
      say("");
    }
  });
  form.addEventListener("submit", () => sessionStorage.setItem(key + SENT, field.value));
}
