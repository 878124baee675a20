// The change bar, and telling of it: whatever somebody else changed while you looked.

const SEEN_AFTER = 1500;
const QUIET = 5000;
const announcer = document.querySelector("[data-announce]");
let waiting = [];
let timer = 0;

/** Put the bar at `place`'s edge with a sentence for screen readers; it goes once it was looked at. */
export function markChanged(place, sentence) {
  place.classList.remove("changed");
  void place.offsetWidth; // so that the tint fades anew for a second change
  place.classList.add("changed");
  const said = place.querySelector("[data-said]");
  if (said) said.textContent = ` ${sentence}`;
  announce(sentence);
  if (!place.dataset.watched) watchUntilSeen(place);
}

function watchUntilSeen(place) {
  place.dataset.watched = "1";
  const seen = () => setTimeout(() => {
    if (!place.matches(":hover, :focus-within")) return;
    place.classList.remove("changed");
    const said = place.querySelector("[data-said]");
    if (said) said.textContent = "";
  }, SEEN_AFTER);
  place.addEventListener("pointerenter", seen);
  place.addEventListener("focusin", seen);
}

/** Tell politely, at most once in 5 s: what came meanwhile is told as a number. */
function announce(sentence) {
  waiting.push(sentence);
  if (timer) return;
  tell();
  timer = setInterval(() => (waiting.length ? tell() : stop()), QUIET);
}

function tell() {
  announcer.textContent = waiting.length === 1 ? waiting[0] : `${waiting.length} things changed`;
  waiting = [];
}

function stop() {
  clearInterval(timer);
  timer = 0;
}

/** What happened, as plain words: "Ines moved OPS-4 to Done". `event` is a live message. */
export function sentenceOf({ event, task, data = {} }) {
  const who = firstName(event.actor?.name ?? "Daybook");
  const what = task.key ?? "a task";
  switch (event.type) {
    case "task.created": return `${who} made ${what}: ${task.title}`;
    case "task.status_changed": return `${who} moved ${what} to ${data.to?.name ?? task.status.name}`;
    case "task.priority_changed": return `${who} set ${what} to ${data.to ?? task.priority} priority`;
    case "task.assigned":
    case "task.unassigned": return `${who} changed who is on ${what}`;
    case "task.due_changed": return `${who} changed the due date of ${what}`;
    case "comment.added": return `${who} commented on ${what}`;
    case "comment.edited": return `${who} edited a comment on ${what}`;
    case "comment.deleted": return `${who} deleted a comment on ${what}`;
    default: return `${who} changed ${what}`;
  }
}

export const firstName = (name) => name.split(/\s+/)[0];
