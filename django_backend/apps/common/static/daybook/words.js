// Time in words, in the reader's zone: says the same as apps/common/pages/words.py.

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 86_400_000;

export const zone = document.body.dataset.zone || "UTC";
const local = new Intl.DateTimeFormat("en-GB", {
  timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

/** The day (as UTC midnight, in ms) and the clock of a moment in the reader's zone. */
function inZone(moment) {
  const part = Object.fromEntries(local.formatToParts(moment).map(({ type, value }) => [type, value]));
  return { day: Date.UTC(part.year, part.month - 1, part.day), clock: `${part.hour}:${part.minute}` };
}

const parseDay = (text) => Date.parse(`${text}T00:00:00Z`);

export function dayWords(day, today) {
  const date = new Date(day);
  const year = date.getUTCFullYear() === new Date(today).getUTCFullYear() ? "" : ` ${date.getUTCFullYear()}`;
  return `${DAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}${year}`;
}

function nearDayWords(day, today) {
  return { 0: "Today", 1: "Tomorrow", [-1]: "Yesterday" }[(day - today) / DAY] ?? dayWords(day, today);
}

export function momentWords(iso, now = new Date()) {
  const at = new Date(iso);
  const seconds = (now - at) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  const then = inZone(at);
  const today = inZone(now).day;
  const days = (today - then.day) / DAY;
  if (days <= 1) return `${days > 0 ? "yesterday" : "today"}, ${then.clock}`;
  return dayWords(then.day, today);
}

/** How a due date reads: { words, state, group }. `task` is one as the API shows it. */
export function dueWords(task, closed, now = new Date()) {
  if (!task.due_date) return { words: "No date", state: "none", group: "none" };
  const today = inZone(now).day;
  const at = new Date(task.due_at);
  const due = task.due_time ? inZone(at) : { day: parseDay(task.due_date), clock: "" };
  const late = at <= now;
  const clock = task.due_time ? `, ${due.clock}` : "";
  if (late && !closed) return { words: lateWords((today - due.day) / DAY, task.due_time && due.clock), state: "late", group: "late" };
  return {
    words: nearDayWords(due.day, today) + clock,
    state: due.day === today && !closed ? "today" : "",
    group: late ? "late" : groupOf(due.day, today),
  };
}

function lateWords(days, since) {
  if (days <= 0 && since) return `Late since ${since}`;
  return days <= 1 ? "1 day late" : `${days} days late`;
}

function groupOf(day, today) {
  if (day <= today) return "today";
  const weekday = (new Date(today).getUTCDay() + 6) % 7;
  return day <= today + (6 - weekday) * DAY ? "week" : "later";
}

/** A due date of an event ({ date, time, at }) in words, for the history. */
export function dueStateWords(state, now = new Date()) {
  if (!state?.date) return "none";
  const today = inZone(now).day;
  if (!state.time) return nearDayWords(parseDay(state.date), today);
  const due = inZone(new Date(state.at));
  return `${nearDayWords(due.day, today)}, ${due.clock}`;
}

/** Words like "5 min ago" go stale: say them anew every minute. */
export function keepMomentsFresh() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-moment]")) time.textContent = momentWords(time.dateTime);
  }, 60_000);
}
