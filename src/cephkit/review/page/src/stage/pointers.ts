/** Mouse, pen and fingers on the film. */

import type { Point, XY } from "../contract";
import { carry, drop, place, select } from "../edit/actions";
import { pinched, toFilm, toStage } from "../film/view";
import { ruler } from "../calibrate/state";
import { advance, guided } from "../guide/state";
import { placed, pointSignal, selected } from "../state/film";
import { carrying, change, isHeld, limit, look, pan, setView, view, zoom } from "./view";

type Gesture =
  | { kind: "none" }
  | { kind: "press"; start: XY; last: XY }
  | { kind: "pan"; last: XY }
  | { kind: "window"; start: XY; brightness: number; contrast: number }
  | { kind: "landmark"; symbol: string; before: Point | null; offset: XY }
  | { kind: "mark"; index: number }
  | { kind: "pinch" };

/** A press that moves less is a click. */
const CLICK_PX = 4;
const REACH_PX = { mouse: 12, touch: 26 };

export class Pointers {
  private readonly down = new Map<number, XY>();
  private gesture: Gesture = { kind: "none" };

  constructor(private readonly element: HTMLElement) {
    element.addEventListener("pointerdown", this.press);
    element.addEventListener("pointermove", this.move);
    element.addEventListener("pointerup", this.release);
    element.addEventListener("pointercancel", this.release);
    element.addEventListener("wheel", this.wheel, { passive: false });
    element.addEventListener("contextmenu", prevent);
  }

  end(): void {
    this.element.removeEventListener("pointerdown", this.press);
    this.element.removeEventListener("pointermove", this.move);
    this.element.removeEventListener("pointerup", this.release);
    this.element.removeEventListener("pointercancel", this.release);
    this.element.removeEventListener("wheel", this.wheel);
    this.element.removeEventListener("contextmenu", prevent);
  }

  private where(event: MouseEvent): XY {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private readonly press = (event: PointerEvent) => {
    if (event.target instanceof Element && event.target.closest("button, a, input, .floating")) return;
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const at = this.where(event);
    this.down.set(event.pointerId, at);
    if (this.down.size === 2) {
      this.letGo();
      this.gesture = { kind: "pinch" };
      return;
    }
    if (this.down.size > 2) return;
    if (event.button === 2) {
      const { brightness, contrast } = look.peek();
      this.gesture = { kind: "window", start: at, brightness, contrast };
      return;
    }
    if (event.button === 1) {
      this.gesture = { kind: "pan", last: at };
      return;
    }
    const reach = event.pointerType === "mouse" ? REACH_PX.mouse : REACH_PX.touch;
    const mark = nearestMark(at, reach);
    const symbol = ruler.peek() || guided.peek() ? null : nearest(at, reach);
    if (mark !== null) this.gesture = { kind: "mark", index: mark };
    else if (symbol) this.take(symbol, at);
    else this.gesture = { kind: "press", start: at, last: at };
  };

  private take(symbol: string, at: XY): void {
    select(symbol);
    const before = pointSignal(symbol).peek();
    const [x, y] = toStage(view.peek(), before?.at ?? [0, 0]);
    isHeld.value = true;
    this.gesture = { kind: "landmark", symbol, before, offset: [x - at[0], y - at[1]] };
  }

  private readonly move = (event: PointerEvent) => {
    const at = this.where(event);
    const before = this.down.get(event.pointerId);
    const gesture = this.gesture;
    if (gesture.kind === "pinch" && before && this.down.size === 2) {
      const [other] = [...this.down].filter(([id]) => id !== event.pointerId);
      if (other) setView(pinched(view.peek(), [before, other[1]], [at, other[1]], limit));
    }
    if (before) this.down.set(event.pointerId, at);
    if (gesture.kind === "none") {
      const near = !ruler.peek() && !guided.peek() && nearest(at, REACH_PX.mouse) !== null;
      this.element.classList.toggle("near", near);
    } else if (gesture.kind === "press" && Math.hypot(at[0] - gesture.start[0], at[1] - gesture.start[1]) > CLICK_PX) {
      this.gesture = { kind: "pan", last: gesture.last };
      this.panTo(at);
    } else if (gesture.kind === "pan") this.panTo(at);
    else if (gesture.kind === "window") {
      const size = Math.max(200, this.element.clientHeight);
      change({
        brightness: gesture.brightness - (at[1] - gesture.start[1]) / size,
        contrast: gesture.contrast + (at[0] - gesture.start[0]) / size,
      });
    } else if (gesture.kind === "landmark") {
      const { symbol, offset } = gesture;
      carry(symbol, toFilm(view.peek(), [at[0] + offset[0], at[1] + offset[1]]));
      carrying.value = { symbol, pointer: at };
    } else if (gesture.kind === "mark") {
      ruler.value = (ruler.peek() ?? []).map((mark, index) => (index === gesture.index ? toFilm(view.peek(), at) : mark));
    }
  };

  private panTo(at: XY): void {
    if (this.gesture.kind !== "pan") return;
    pan(at[0] - this.gesture.last[0], at[1] - this.gesture.last[1]);
    this.gesture = { kind: "pan", last: at };
    this.element.classList.add("panning");
  }

  private readonly release = (event: PointerEvent) => {
    const at = this.where(event);
    this.down.delete(event.pointerId);
    if (this.gesture.kind === "press" && event.type === "pointerup") click(at);
    // The finger that stays after a pinch moves nothing.
    if (this.gesture.kind === "pinch" && this.down.size > 0) return;
    this.letGo();
  };

  private letGo(): void {
    if (this.gesture.kind === "landmark") {
      carrying.value = null;
      isHeld.value = false;
      drop(this.gesture.symbol, this.gesture.before);
    }
    this.gesture = { kind: "none" };
    this.element.classList.remove("panning");
  }

  private readonly wheel = (event: WheelEvent) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    // A pinch on a touchpad arrives as a wheel with Ctrl, in small steps.
    zoom(Math.exp((-event.deltaY * lines * (event.ctrlKey ? 8 : 1)) / 600), this.where(event));
  };
}

const prevent = (event: Event) => event.preventDefault();

/** A click on the film itself. */
function click(at: XY): void {
  const xy = toFilm(view.peek(), at);
  const marks = ruler.peek();
  const symbol = guided.peek();
  if (marks) {
    ruler.value = marks.length < 2 ? [...marks, xy] : marks;
  } else if (symbol) {
    place(symbol, xy);
    advance();
  } else if (selected.peek() && !pointSignal(selected.peek() ?? "").peek()) {
    place(selected.peek() ?? "", xy);
  } else select(null);
}

/** The landmark nearest to a place on the stage; of those equally near the selected one. */
export function nearest(at: XY, reach: number): string | null {
  let best: string | null = null;
  let least = reach;
  for (const symbol of placed.peek()) {
    const point = pointSignal(symbol).peek();
    if (!point) continue;
    const [x, y] = toStage(view.peek(), point.at);
    const away = Math.hypot(x - at[0], y - at[1]) - (symbol === selected.peek() ? 3 : 0);
    if (away < least) [best, least] = [symbol, away];
  }
  return best;
}

function nearestMark(at: XY, reach: number): number | null {
  const marks = ruler.peek() ?? [];
  const found = marks.findIndex((mark) => {
    const [x, y] = toStage(view.peek(), mark);
    return Math.hypot(x - at[0], y - at[1]) < reach;
  });
  return found < 0 ? null : found;
}
