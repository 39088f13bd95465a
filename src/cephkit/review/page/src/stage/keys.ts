/** What each key does. */

import { ruler, toggleRuler } from "../calibrate/state";
import * as act from "../edit/actions";
import { advance, begin, guided, stop } from "../guide/state";
import { film, pointSignal, selected } from "../state/film";
import { openNeighbour } from "../state/open";
import { layers, say, type Layers } from "../state/session";
import { dialog } from "../ui/state";
import { keyName } from "./keyName";
import { change, fit, focusStage, inspect, isHeld, look, middleOfFilm, oneToOne, pan, plainLook, reveal, zoom } from "./view";

const PAN_PX = 40;
const ARROWS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function toggle(layer: keyof Layers): void {
  layers.value = { ...layers.peek(), [layer]: !layers.peek()[layer] };
}

function withSelected(use: (symbol: string) => void): void {
  const symbol = selected.peek();
  if (symbol) use(symbol);
}

function show(symbol: string | null, closely = false): void {
  const at = symbol && pointSignal(symbol).peek()?.at;
  if (at) (closely ? inspect : reveal)(at);
  focusStage();
}

export function nextReview(): void {
  show(act.selectNextReview(), true);
}

export function findAgain(): void {
  void act.findAgain().then((text) => {
    if (text) say(text);
  });
}

function letGo(): void {
  if (ruler.peek()) ruler.value = null;
  else if (guided.peek()) stop();
  else act.select(null);
}

function placeInMiddle(): void {
  const symbol = guided.peek() ?? (selected.peek() && !pointSignal(selected.peek() ?? "").peek() ? selected.peek() : null);
  const marks = ruler.peek();
  if (marks && marks.length < 2) ruler.value = [...marks, middleOfFilm()];
  else if (symbol) {
    act.place(symbol, middleOfFilm());
    if (guided.peek()) advance();
  } else withSelected(act.toggleConfirmed);
}

const KEYS: Record<string, () => void> = {
  N: () => show(act.selectNextPlaced(1)),
  "Shift+N": () => show(act.selectNextPlaced(-1)),
  R: nextReview,
  C: () => withSelected(act.toggleConfirmed),
  "Shift+C": act.toggleFilm,
  Backspace: () => withSelected(act.reset),
  Delete: () => withSelected(act.remove),
  "Ctrl+Z": act.undo,
  "Ctrl+Shift+Z": act.redo,
  "Ctrl+Y": act.redo,
  Escape: letGo,
  Enter: placeInMiddle,
  "+": () => zoom(1.25),
  "=": () => zoom(1.25),
  "-": () => zoom(0.8),
  "0": fit,
  "1": oneToOne,
  I: () => change({ invert: !look.peek().invert }),
  L: () => change({ local: look.peek().local > 0 ? 0 : 0.8 }),
  W: plainLook,
  M: () => toggle("names"),
  T: () => toggle("tracing"),
  O: () => toggle("outlines"),
  E: () => toggle("regions"),
  U: () => toggle("truth"),
  P: () => toggle("predicted"),
  F: findAgain,
  G: () => (guided.peek() ? stop() : begin()),
  K: toggleRuler,
  PageDown: () => openNeighbour(1),
  PageUp: () => openNeighbour(-1),
  "/": () => document.getElementById("search")?.focus(),
  H: () => (dialog.value = "help"),
  "?": () => (dialog.value = "help"),
  F1: () => (dialog.value = "help"),
};

/** Keys that must not act while something else than the film has the focus. */
const ON_FILM_ONLY = new Set(["Enter", "Backspace", "Delete"]);
const TYPING = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable]";

export function onKeyDown(event: KeyboardEvent): void {
  const target = event.target instanceof Element ? event.target : document.body;
  if (isHeld.peek()) return event.preventDefault(); // an undo or another film would pull the landmark from under the pointer
  if (event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  if (target.closest(TYPING)) {
    if (event.key === "Escape" && target instanceof HTMLElement) target.blur();
    return;
  }
  const isOnFilm = target === document.body || target.closest("#stage") !== null;
  const isButton = target.closest("button, a, summary, [role=option]") !== null;
  const arrow = ARROWS[event.key];
  if (arrow && isOnFilm && film.peek() && !event.ctrlKey && !event.metaKey) {
    const [dx, dy] = arrow;
    const symbol = selected.peek();
    const far = event.shiftKey ? 10 : 1;
    if (symbol && pointSignal(symbol).peek() && !guided.peek() && !ruler.peek()) {
      act.nudge(symbol, [dx * far, dy * far]);
      show(symbol);
    } else pan(-dx * PAN_PX, -dy * PAN_PX);
    return event.preventDefault();
  }
  const name = keyName(event);
  const action = KEYS[name];
  if (!action || (ON_FILM_ONLY.has(name) && (!isOnFilm || isButton)) || (!film.peek() && !["H", "?", "F1", "/"].includes(name))) return;
  event.preventDefault();
  action();
}
