// Making elements: from <template>s and text, never from strings of HTML.

/** A copy of the first element in <template id="t-NAME">. */
export function clone(name) {
  return document.getElementById(`t-${name}`).content.firstElementChild.cloneNode(true);
}

/** A copy of the first element matching `selector` inside <template id="t-NAME"> (rows need a table around them there). */
export function cloneInside(name, selector) {
  return document.getElementById(`t-${name}`).content.querySelector(selector).cloneNode(true);
}

export function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** `body_html` of a comment as nodes. The one place where HTML from outside becomes elements: the server has made it
    from Markdown and cleaned it (nh3), a document made by DOMParser runs no script, and the policy of the page allows
    no inline one either. */
export function adoptHtml(html) {
  const made = new DOMParser().parseFromString(html, "text/html");
  return [...made.body.childNodes].map((node) => document.adoptNode(node));
}

/** A version 4 UUID. crypto.randomUUID exists only in secure contexts, and a small install may speak plain http. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
