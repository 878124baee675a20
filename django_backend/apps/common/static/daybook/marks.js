// The marks of the design for what comes in live: the same as templatetags/daybook.py writes.
import { clone, element } from "./dom.js";
import { dueWords, momentWords } from "./words.js";

const GLYPHS = { todo: "todo", in_progress: "progress", blocked: "blocked", done: "done", cancelled: "cancelled" };
const CLOSED = new Set(["done", "cancelled"]);

export const isClosed = (task) => CLOSED.has(task.status.category);
export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

function mark(template, className, icon, words) {
  const made = clone(template);
  made.classList.add(className);
  made.querySelector("use").setAttribute("href", `#i-${icon}`);
  made.lastElementChild.replaceWith(words);
  return made;
}

export function statusMark(status) {
  const glyph = GLYPHS[status.category];
  return mark("status", `st-${glyph}`, `st-${glyph}`, status.name);
}

export function priorityMark(key) {
  return mark("priority", `pr-${key}`, `pr-${key}`, capital(key));
}

export function dueMark(task) {
  const due = dueWords(task, isClosed(task));
  if (due.state === "none") return clone("due-none");
  const made = clone(due.state === "late" ? "due-late" : "due");
  if (due.state === "today") made.classList.add("today");
  const time = made.querySelector("time");
  time.dateTime = task.due_date;
  time.title = due.state === "late" ? `Was due ${task.due_date}` : task.due_date;
  time.textContent = due.words;
  return made;
}

/** The round mark of a person ({ id, name }): initials and tint as users.User has them. */
export function avatar(person, size = "") {
  const made = clone("avatar");
  const words = person.name.split(/\s+/).filter(Boolean);
  const parts = words.length > 1 ? [words[0], words.at(-1)] : words;
  made.textContent = parts.map((word) => [...word][0]).join("").toUpperCase();
  made.title = person.name;
  made.classList.add(`av-${(person.id % 6) + 1}`);
  if (size) made.classList.add(size);
  return made;
}

/** Who is on a task, as a list row shows it. */
export function people(assignees) {
  if (!assignees.length) return [clone("nobody"), element("span", "Nobody yet", "sr")];
  const marks = element("span", "", "avs");
  marks.append(...assignees.map((person) => avatar(person)));
  return [marks, element("span", assignees.map((person) => person.name).join(", "), "sr")];
}

export function fillMoment(time, iso) {
  time.dateTime = iso;
  time.dataset.moment = "";
  time.title = new Date(iso).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  time.textContent = momentWords(iso);
}
