// One task, live: facts change in place, comments and happenings come in below, and what is being typed is left alone.
import { addKeys, openMenuNamed } from "./app.js";
import { firstName, markChanged, sentenceOf } from "./changes.js";
import { adoptHtml, clone, element, newKey } from "./dom.js";
import { keepDraft } from "./draft.js";
import { Live, notify } from "./live.js";
import { avatar, capital, dueMark, fillMoment, priorityMark, statusMark } from "./marks.js";
import { dueStateWords } from "./words.js";

const TYPING_EVERY = 3000;
const TYPING_LASTS = 6000;
const me = { id: Number(document.body.dataset.user), name: document.body.dataset.userName };
const page = document.querySelector("[data-task]");
const thread = document.querySelector("[data-thread]");
const composer = document.querySelector("[data-composer]");
const may = document.getElementById("t-rights").dataset;
const typingLine = document.querySelector("[data-typing]");

const byOther = ({ event }) => event.actor?.id !== me.id;
const nameOf = ({ event }) => event.actor?.name ?? "Daybook";

function hear(message) {
  if (!message.task) return;
  applyFacts(message);
  if (message.event.type.startsWith("comment.")) applyComment(message);
  else addHappening(message);
}

/* Facts */

function applyFacts(message) {
  const { task } = message;
  if (task.version <= Number(page.dataset.version)) return;
  page.dataset.version = task.version;
  setFact("status", [statusMark(task.status)], message);
  setFact("priority", [priorityMark(task.priority)], message);
  setFact("due", [dueMark(task)], message);
  setFact("assignees", assignees(task), message);
  for (const item of document.querySelectorAll("[data-menu=status] .menu-item")) {
    if (Number(item.value) === task.status.id) item.setAttribute("aria-current", "true");
    else item.removeAttribute("aria-current");
  }
  setTitle(task, message);
  if (message.data?.changes?.description && byOther(message)) offerDescription(message);
  fillMoment(document.querySelector("[data-updated] time"), task.updated_at);
}

function setFact(name, nodes, message) {
  const fact = document.querySelector(`[data-fact=${name}]`);
  const value = fact.querySelector("[data-value]");
  const holder = element("div", "");
  holder.append(...nodes);
  if (squeeze(holder.textContent) === squeeze(value.textContent)) return;
  value.replaceChildren(...nodes);
  if (byOther(message)) markChanged(fact, sentenceOf(message));
}

const squeeze = (text) => text.replace(/\s+/g, " ").trim();

function assignees(task) {
  if (!task.assignees.length) return [clone("unassigned")];
  return task.assignees.map((person) => {
    const made = clone("assignee");
    made.dataset.person = person.id;
    made.querySelector("[data-face]").replaceWith(avatar(person));
    made.querySelector("[data-name]").replaceWith(person.name);
    const button = made.querySelector("button");
    if (button) {
      button.value = person.id;
      button.title = button.querySelector(".sr").textContent = `Take ${person.name} off`;
      made.querySelector("[name=idempotency_key]").value = newKey();
    }
    return made;
  });
}

function setTitle(task, message) {
  const title = document.querySelector("[data-title]");
  if (title.textContent === task.title) return;
  title.textContent = task.title;
  document.title = `${page.dataset.ref} ${task.title} · Daybook`;
  if (byOther(message)) markChanged(title.parentElement, sentenceOf(message));
}

/** Reading text does not change under the reader: it is offered. */
function offerDescription(message) {
  document.querySelector("[data-description-note]")?.remove();
  const notice = notify(
    `${nameOf(message)} changed the description. What you see is the earlier text.`, "Show the new one", () => location.reload(),
  );
  notice.dataset.descriptionNote = "";
}

/* Comments */

function applyComment(message) {
  const { comment } = message;
  if (!comment || thread.dataset.view === "history") return;
  const there = document.getElementById(`comment-${comment.id}`);
  if (!there) {
    if (!comment.deleted_at) addComment(message);
  } else if (comment.version > Number(there.dataset.version)) {
    there.dataset.version = comment.version;
    if (comment.deleted_at) takeText(there);
    else setText(there, comment);
    if (byOther(message)) markChanged(there.querySelector(".comment"), sentenceOf(message));
  }
}

function addComment(message) {
  const { comment } = message;
  const item = clone("comment");
  item.id = `comment-${comment.id}`;
  item.dataset.version = comment.version;
  item.querySelector(".pin").append(avatar(comment.author, "lg"));
  item.querySelector("b").textContent = comment.author.name;
  item.querySelector(".comment-head a").href = `#${item.id}`;
  fillMoment(item.querySelector("time"), comment.created_at);
  addActs(item, comment);
  setText(item, comment);
  append(item);
  count("[data-comment-count]", 1);
  document.querySelector("[data-no-comments]")?.remove();
  typingLine.textContent = "";
  if (byOther(message)) {
    markChanged(item.querySelector(".comment"), sentenceOf(message));
    tellBelow(item, message);
  }
}

/** The author may edit; the author and those who manage may delete. The server decides again. */
function addActs(item, comment) {
  const own = comment.author.id === me.id;
  if (!may.comment || !(own || may.manage)) return;
  const acts = clone("acts");
  if (!own) acts.querySelector("[data-edit]").remove();
  for (const form of acts.querySelectorAll("form")) {
    form.action = form.getAttribute("action").replace("/comments/0/", `/comments/${comment.id}/`);
    form.querySelector("[name=idempotency_key]").value = newKey();
  }
  const field = acts.querySelector("textarea");
  if (field) {
    field.id = `edit-${comment.id}`;
    acts.querySelector("label").htmlFor = field.id;
  }
  item.querySelector(".comment").append(acts);
}

function setText(item, comment) {
  item.querySelector("[data-body]").replaceChildren(...adoptHtml(comment.body_html));
  item.querySelector("[data-edited]").hidden = !comment.edited_at;
  const field = item.querySelector("[data-edit] textarea");
  // An edit that has begun keeps its text; one that has not starts from the new one.
  if (field && field.value === field.defaultValue) field.value = field.defaultValue = comment.body;
}

function takeText(item) {
  item.querySelector("[data-body]")?.replaceWith(clone("deleted"));
  item.querySelector("[data-edited]").hidden = true;
  const field = item.querySelector("[data-edit] textarea");
  if (!field || field.value === field.defaultValue) item.querySelector("[data-acts]")?.remove();
  count("[data-comment-count]", -1);
}

/** Said out of sight: a note in the bar leads there. */
function tellBelow(item, message) {
  const { top } = item.getBoundingClientRect();
  if (top < innerHeight) return;
  const note = document.querySelector("[data-news]");
  note.hidden = false;
  note.textContent = `${firstName(nameOf(message))} commented. Show it`;
  note.onclick = () => {
    note.hidden = true;
    item.scrollIntoView({ block: "center" });
    item.querySelector(".comment-head a").focus({ preventScroll: true });
  };
}

/* Happenings */

function addHappening(message) {
  const { event } = message;
  if (thread.dataset.view === "comments" || thread.querySelector(`[data-event-version="${event.version}"]`)) return;
  const item = clone("event");
  item.dataset.eventVersion = event.version;
  item.querySelector("b").textContent = nameOf(message);
  item.querySelector("[data-sentence]").replaceWith(...happening(message));
  fillMoment(item.querySelector("time"), event.at);
  append(item);
  count("[data-history-count]", 1);
}

/** The same sentences as templates/tasks/_event.html. */
function happening({ event, task, data = {} }) {
  const person = task.assignees.find(({ id }) => id === data.user);
  switch (event.type) {
    case "task.created": return ["made this task"];
    case "task.status_changed": return ["moved this from ", statusMark(data.from), " to ", statusMark(data.to)];
    case "task.priority_changed": return ["changed priority: ", element("s", capital(data.from)), " to ", priorityMark(data.to)];
    case "task.due_changed": return ["changed due date: ", element("s", dueStateWords(data.from)), " to ", element("b", dueStateWords(data.to))];
    case "task.assigned": return event.actor?.id === data.user ? ["took this on"] : ["assigned ", element("b", person?.name ?? "somebody")];
    case "task.unassigned": return event.actor?.id === data.user ? ["left this task"] : ["took ", element("b", formerName(data.user)), " off"];
    case "task.updated": return updated(data.changes ?? {});
    default: return [event.type];
  }
}

function updated(changes) {
  if (changes.title) return ["changed the title: ", element("s", changes.title.from), " to ", element("b", changes.title.to)];
  return ["description" in changes ? "changed the description" : "changed this"];
}

/** Who was taken off is no longer among the assignees: the menu of people to assign may know the name. */
function formerName(id) {
  return names.get(id) ?? "somebody";
}

const names = new Map([...document.querySelectorAll("[data-person], [data-menu=assign] .menu-item")].map(
  (place) => [Number(place.dataset.person ?? place.value), place.querySelector(".av").title],
));

function append(item) {
  thread.append(item);
}

function count(selector, step) {
  const place = document.querySelector(selector);
  if (/^\d+$/.test(place.textContent)) place.textContent = Number(place.textContent) + step;
}

/* Who is here, who is writing */

function showHere(people) {
  const others = people.filter(({ id }) => id !== me.id);
  for (const person of people) names.set(person.id, person.name);
  const place = document.querySelector("[data-here]");
  place.hidden = !others.length;
  place.textContent = others.length ? `${listed(others)} ${others.length > 1 ? "have" : "has"} this open` : "";
  document.querySelector("[data-here-faces]").replaceChildren(...others.slice(0, 6).map((person) => avatar(person)));
  document.querySelector("[data-here-avatars]").replaceChildren(...people.slice(0, 6).map((person) => avatar(person)));
}

function listed(people) {
  const first = people.map(({ name }) => firstName(name));
  if (first.length > 3) return `${first.slice(0, 2).join(", ")} and ${first.length - 2} others`;
  return first.length === 1 ? first[0] : `${first.slice(0, -1).join(", ")} and ${first.at(-1)}`;
}

let typingTimer = 0;
function showTyping(user) {
  if (user.id === me.id) return;
  typingLine.textContent = `${firstName(user.name)} is writing…`;
  clearTimeout(typingTimer);
  typingTimer = setTimeout(() => (typingLine.textContent = ""), TYPING_LASTS);
}

let toldAt = 0;
function tellTyping() {
  if (Date.now() - toldAt < TYPING_EVERY) return;
  toldAt = Date.now();
  live.send({ type: "typing", room: live.room });
}

function gone() {
  live.end();
  notify("You can’t see this task any more. What you typed is still here; copy it before you leave.", "Go to your tasks", () => location.assign("/tasks/"));
}

/* Keys and the composer */

addKeys({
  s: () => openMenuNamed("status"),
  a: () => openMenuNamed("assign"),
  r: () => composer?.querySelector("textarea").focus(),
});
if (composer) {
  keepDraft(composer, `daybook-draft:${me.id}:${page.dataset.task}`);
  composer.querySelector("textarea").addEventListener("input", tellTyping);
}

const live = new Live({ event: hear, here: showHere, typing: showTyping, gone }).start();
