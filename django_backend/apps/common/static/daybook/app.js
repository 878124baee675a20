// What every signed-in page has: theme, menus, keys.
import "./forms.js";
import { keepMomentsFresh } from "./words.js";

const root = document.documentElement;
keepMomentsFresh();

/* The theme is kept in a cookie, so that the server draws the page in it at once. */
for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
  });
}

/* Menus: one open at a time; a click elsewhere closes; arrows move. */
const openMenu = () => document.querySelector("details.menu[open]");
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details.menu") || !event.target.open) return;
  for (const other of document.querySelectorAll("details.menu[open]")) if (other !== event.target) other.open = false;
}, true);
document.addEventListener("click", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(event.target)) menu.open = false;
});

function closeMenu(menu) {
  menu.open = false;
  menu.querySelector("summary").focus();
}

function moveInMenu(menu, step) {
  const items = [...menu.querySelectorAll(".menu-item:not(p), .menu-item input")].filter((item) => !item.matches("label") && item.offsetParent);
  const at = items.indexOf(document.activeElement);
  items.at(Math.max(0, Math.min(items.length - 1, at + step)))?.focus();
}

export function openMenuNamed(name) {
  const menu = document.querySelector(`details[data-menu=${name}]`);
  if (!menu) return;
  menu.open = true;
  (menu.querySelector(".menu-item[aria-current]") ?? menu.querySelector(".menu-item"))?.focus();
}

/* Keys. Single ones do nothing while typing in a field. */
const LINKS = ".row .t-link, .note .body > a";
const keys = {
  "/": () => document.querySelector(".topbar input[name=q]").focus(),
  "?": () => document.getElementById("keys").showModal(),
  c: () => document.querySelector("[data-new-task]").click(),
  j: () => moveInList(1),
  k: () => moveInList(-1),
};

/** Keys of one page, beside those that are everywhere. */
export function addKeys(more) {
  Object.assign(keys, more);
}

function moveInList(step) {
  const links = [...document.querySelectorAll(LINKS)];
  const at = links.indexOf(document.activeElement);
  links.at(Math.max(0, Math.min(links.length - 1, at + step)))?.focus();
}

const isTyping = (place) => place.matches("input:not([type=checkbox], [type=radio]), textarea, select") || place.isContentEditable;

document.addEventListener("keydown", (event) => {
  const menu = openMenu();
  if (event.key === "Escape") {
    if (menu) closeMenu(menu);
    else if (document.activeElement !== document.body) document.activeElement.blur();
    return;
  }
  if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    moveInMenu(menu, event.key === "ArrowDown" ? 1 : -1);
    return;
  }
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

/* Filters apply when their menu closes; the button is for pages without script. */
const filters = document.querySelector("form[data-filters]");
if (filters) {
  const before = new URLSearchParams(new FormData(filters)).toString();
  filters.querySelector("[data-no-script]").hidden = true;
  for (const menu of filters.querySelectorAll("details.menu")) {
    menu.addEventListener("toggle", () => {
      if (!menu.open && new URLSearchParams(new FormData(filters)).toString() !== before) filters.requestSubmit();
    });
  }
}
