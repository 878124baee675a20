// Activity and inbox, live: new lines wait behind a note; showing them loads the page anew.
import "./app.js";
import { Live } from "./live.js";

const note = document.querySelector("[data-waiting]");
const me = Number(document.body.dataset.user);
let count = 0;

function concerns({ event, data = {} }) {
  if (!note.dataset.mine) return true;
  return event.type === "task.assigned" && data.user === me && event.actor?.id !== me;
}

function hear(message) {
  if (!concerns(message)) return;
  count += 1;
  note.hidden = false;
  note.textContent = count === 1 ? note.dataset.one : note.dataset.many.replace("{n}", count);
}

note.addEventListener("click", () => location.reload());
new Live({ event: hear, gone: () => {} }).start();
