// The list, live: what changed changes in place, what is new waits or, if nothing moves under the reader, comes in.
import "./app.js";
import { markChanged, sentenceOf } from "./changes.js";
import { cloneInside, element } from "./dom.js";
import { Live } from "./live.js";
import { dueMark, isClosed, people, priorityMark, statusMark } from "./marks.js";
import { dueWords } from "./words.js";

const OPEN = new Set(["todo", "in_progress", "blocked"]);
const GROUPS = ["late", "today", "week", "later", "none"];
const me = Number(document.body.dataset.user);
const list = document.querySelector("[data-list]");
const table = list.querySelector("table.tasks");
const note = document.querySelector("[data-waiting]");
const wanted = JSON.parse(list.dataset.filters);
const waiting = new Map();

function matches(task) {
  const words = wanted.text.toLowerCase();
  return !task.archived_at
    && (!wanted.project_id || task.project === wanted.project_id)
    && (!wanted.open_only || OPEN.has(task.status.category))
    && (!wanted.categories.length || wanted.categories.includes(task.status.category))
    && (!wanted.priorities.length || wanted.priorities.includes(task.priority))
    && (!wanted.assignee_ids.length || task.assignees.some(({ id }) => wanted.assignee_ids.includes(id)))
    && (!wanted.mine || task.assignees.some(({ id }) => id === me))
    && (!words || `${task.title}\n${task.description}`.toLowerCase().includes(words));
}

/** The task as it was before the event, as far as the filters can tell; null if there was none for the reader. */
function before({ event, task, data = {} }) {
  const others = task.assignees.filter(({ id }) => id !== data.user);
  switch (event.type) {
    case "task.created": return null;
    case "task.status_changed": return { ...task, status: data.from };
    case "task.priority_changed": return { ...task, priority: data.from };
    case "task.assigned": return data.user === me && !task.project ? null : { ...task, assignees: others };
    case "task.unassigned": return { ...task, assignees: [...others, { id: data.user }] };
    default: return task;
  }
}

function hear(message) {
  const { task } = message;
  if (!task) return;
  const row = document.getElementById(`task-${task.id}`);
  if (row) {
    change(row, message);
  } else if (waiting.has(task.id)) {
    waiting.set(task.id, message);
    showWaiting();
  } else if (matches(task)) {
    const was = before(message);
    if (!was || !matches(was)) arrive(message);
  }
}

/** In place, with a bar if somebody else did it. The row keeps its place whatever its new date is. */
function change(row, message) {
  const { task, event } = message;
  if (task.version <= Number(row.dataset.version)) return;
  if (fill(row, task) && event.actor?.id !== me) markChanged(row, sentenceOf(message));
}

/** Write the task into its row; tells whether anything that shows became different. */
function fill(row, task) {
  const old = shownIn(row);
  row.dataset.version = task.version;
  row.classList.toggle("is-done", isClosed(task));
  row.querySelector(".c-id").textContent = task.key ?? task.id;
  const link = row.querySelector(".t-link");
  link.textContent = link.title = task.title;
  link.href = list.dataset.taskUrl.replace("/0/", `/${task.key ?? task.id}/`);
  row.querySelector(".c-facts").replaceChildren(statusMark(task.status), dueMark(task), priorityMark(task.priority));
  row.querySelector(".c-st").replaceChildren(statusMark(task.status));
  row.querySelector(".c-pr").replaceChildren(priorityMark(task.priority));
  row.querySelector(".c-who").replaceChildren(...people(task.assignees));
  row.querySelector(".c-due").replaceChildren(dueMark(task));
  return shownIn(row) !== old;
}

/** What a reader sees of the row, in one line. */
function shownIn(row) {
  const cells = [".c-title", ".c-st", ".c-pr", ".c-who", ".c-due"].map((cell) => row.querySelector(cell).textContent.trim());
  return [row.classList.contains("is-done"), ...cells].join("|");
}

/** A task that belongs here and is not here yet. */
function arrive(message) {
  if (mayInsert()) {
    insert(message);
  } else {
    waiting.set(message.task.id, message);
    showWaiting();
  }
}

/** The unfiltered first page can take a row without asking the server where it goes. */
const canInsert = () => Boolean(list.dataset.firstPage) && !wanted.narrows;

/** …and does, as long as neither pointer nor focus is in the list: nothing moves under the reader's hand. */
const mayInsert = () => canInsert() && !list.matches(":hover") && !list.contains(document.activeElement);

function insert(message) {
  const { task } = message;
  const row = cloneInside("row", "tr.row");
  row.id = `task-${task.id}`;
  fill(row, task);
  const group = groupFor(dueWords(task, isClosed(task)).group);
  group.firstElementChild.after(row);
  const count = group.querySelector(".group .count");
  count.textContent = group.querySelectorAll(".row").length;
  table.hidden = false;
  list.querySelector(".empty")?.remove();
  countOneMore();
  if (message.event.actor?.id !== me) markChanged(row, sentenceOf(message));
}

function groupFor(key) {
  const there = table.querySelector(`tbody[data-group=${key}]`);
  if (there) return there;
  const made = cloneInside(`group-${key}`, "tbody");
  const after = GROUPS.slice(GROUPS.indexOf(key) + 1).map((later) => table.querySelector(`tbody[data-group=${later}]`)).find(Boolean);
  if (after) after.before(made);
  else table.append(made);
  return made;
}

function countOneMore() {
  const total = document.querySelector(".applied .num");
  if (/^\d+$/.test(total.textContent)) total.textContent = Number(total.textContent) + 1;
}

function showWaiting() {
  const titles = [...waiting.values()].map(({ task }) => task.title);
  note.hidden = !titles.length;
  note.replaceChildren(titles.length === 1 ? element("span", `1 new task: ${titles[0]}. Show it`, "cut") : `${titles.length} new tasks. Show them`);
}

function letIn() {
  for (const message of waiting.values()) insert(message);
  waiting.clear();
  showWaiting();
}

// What waited only for the pointer or the focus to leave comes in when they have.
for (const leaving of ["pointerleave", "focusout"]) {
  list.addEventListener(leaving, () => setTimeout(() => waiting.size && mayInsert() && letIn()));
}
note.addEventListener("click", () => (canInsert() ? letIn() : location.reload()));

new Live({
  event: hear,
  gone: ({ task }) => document.getElementById(`task-${task}`)?.remove(),
}).start();
