/** Keeps the canvas and the loupe up to date, at most once a frame. */

import { effect } from "@preact/signals";
import type { FilmState } from "../contract";
import { carried, look, ratio, stageSize, view } from "../stage/view";
import { at, film } from "../state/film";
import { ahead } from "../state/open";
import { Loupe, loupeScale } from "./loupe";
import { Renderer } from "./renderer";
import { levelFor, tilesIn, topLevel, type TilePlace } from "./pyramid";
import { tileKey, Tiles } from "./tiles";
import { fitted, type Size, type View } from "./view";

export class Scene {
  private readonly tiles: Tiles;
  private readonly painters: { main: Renderer | null; loupe: Renderer | null };
  private readonly stops: (() => void)[];
  private frame = 0;
  private isStale = { main: true, loupe: true };
  private readonly loupe: Loupe;

  /** The loupe has a canvas of its own: while a point is dragged, the film is not drawn again. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    loupe: HTMLCanvasElement,
    failed: (error: unknown) => void,
    private readonly drawn: (complete: boolean) => void,
  ) {
    this.loupe = new Loupe(loupe);
    this.tiles = new Tiles(
      (tile) => {
        this.each((painter) => painter.welcome(tile));
        this.loupe.forget();
        this.schedule("main", "loupe");
      },
      (key) => this.each((painter) => painter.drop(key)),
      failed,
    );
    this.painters = { main: this.paint(canvas, "main"), loupe: this.paint(loupe, "loupe") };
    this.stops = [
      effect(() => {
        void [film.value, view.value, look.value, stageSize.value, ratio.value, ahead.value];
        this.schedule("main");
      }),
      effect(() => {
        if (carried.value && at(carried.value)) this.schedule("loupe");
        else this.loupe.forget();
      }),
    ];
  }

  get canDraw(): boolean {
    return this.painters.main !== null;
  }

  end(): void {
    for (const stop of this.stops) stop();
    cancelAnimationFrame(this.frame);
  }

  private paint(canvas: HTMLCanvasElement, name: "main" | "loupe"): Renderer | null {
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.painters[name] = Renderer.on(canvas, this.tiles);
      this.loupe.forget();
      this.schedule(name);
    });
    return Renderer.on(canvas, this.tiles);
  }

  private each(use: (painter: Renderer) => void): void {
    for (const painter of [this.painters.main, this.painters.loupe]) if (painter) use(painter);
  }

  private schedule(...names: ("main" | "loupe")[]): void {
    for (const name of names) this.isStale[name] = true;
    if (!this.frame) this.frame = requestAnimationFrame(this.draw);
  }

  private readonly draw = () => {
    this.frame = 0;
    const { main, loupe } = this.isStale;
    this.isStale = { main: false, loupe: false };
    if (main) this.drawFilm();
    if (loupe) this.drawLoupe();
  };

  private drawFilm(): void {
    const painter = this.painters.main;
    const now = film.peek();
    const [stage, dots, where] = [stageSize.peek(), ratio.peek(), view.peek()];
    sized(this.canvas, stage, dots);
    if (!painter) return;
    if (!now) return painter.clear();
    const places = placesIn(now, where, stage, dots);
    this.tiles.want(now, places, this.inAdvance());
    painter.draw(now, where, stage, look.peek(), dots);
    this.drawn(places.every((place) => this.tiles.peek(tileKey(now.hash, place))));
  }

  /** What the films beside this one will need to be shown whole. */
  private inAdvance(): { film: FilmState; place: TilePlace }[] {
    const [stage, dots] = [stageSize.peek(), ratio.peek()];
    return ahead.peek().flatMap((next) => {
      const whole = fitted({ height: next.size[0], width: next.size[1] }, stage);
      return placesIn(next, whole, stage, dots).map((place) => ({ film: next, place }));
    });
  }

  /** The surroundings of the dragged point, larger. */
  private drawLoupe(): void {
    const symbol = carried.peek();
    const now = film.peek();
    const point = symbol && at(symbol);
    if (!point || !now || !this.painters.loupe) return;
    const dots = ratio.peek();
    this.loupe.show(this.painters.loupe, now, point, loupeScale(view.peek().scale, dots), look.peek(), dots);
  }
}

/** The tiles of a view, the coarsest first: it is there soonest, and local contrast is measured on it. */
function placesIn(film: FilmState, view: View, stage: Size, dots: number): TilePlace[] {
  const level = levelFor(view, dots, film);
  const top = { level: topLevel(film), row: 0, column: 0 };
  return level < top.level ? [top, ...tilesIn(view, stage, film, level)] : [top];
}

/** A canvas loses its picture when its size is set. */
function sized(canvas: HTMLCanvasElement, size: Size, dots: number): void {
  const [width, height] = [Math.round(size.width * dots), Math.round(size.height * dots)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
