/** Keeps the canvas and the loupe up to date, at most once a frame. */

import { effect } from "@preact/signals";
import { carrying, look, ratio, stageSize, view } from "../stage/view";
import { at, film } from "../state/film";
import { ahead } from "../state/open";
import { Renderer } from "./renderer";
import { levelFor, tilesIn, topLevel, type TilePlace } from "./pyramid";
import { tileKey, Tiles } from "./tiles";
import { fitted, type View } from "./view";

export const LOUPE_SIDE = 176;
const LOUPE_ZOOM = 4;
const GROUND = [0.035, 0.043, 0.055] as const;

export class Scene {
  private readonly tiles: Tiles;
  private renderer: Renderer | null;
  private readonly stop: () => void;
  private frame = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly loupe: HTMLCanvasElement,
    failed: (error: unknown) => void,
    private readonly drawn: (complete: boolean) => void,
  ) {
    this.tiles = new Tiles(
      (tile) => {
        this.renderer?.welcome(tile);
        this.schedule();
      },
      (key) => this.renderer?.drop(key),
      failed,
    );
    this.renderer = Renderer.on(canvas, this.tiles);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.renderer = Renderer.on(canvas, this.tiles);
      this.schedule();
    });
    this.stop = effect(() => {
      void [film.value, view.value, look.value, stageSize.value, ratio.value, carrying.value, ahead.value];
      this.schedule();
    });
  }

  get canDraw(): boolean {
    return this.renderer !== null;
  }

  end(): void {
    this.stop();
    cancelAnimationFrame(this.frame);
  }

  private schedule(): void {
    if (!this.frame)
      this.frame = requestAnimationFrame(() => {
        this.frame = 0;
        this.draw();
      });
  }

  private draw(): void {
    const now = film.peek();
    const [stage, dots, where] = [stageSize.peek(), ratio.peek(), view.peek()];
    const [width, height] = [Math.round(stage.width * dots), Math.round(stage.height * dots)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    if (!this.renderer) return;
    if (!now) return this.renderer.clear(GROUND);
    const level = levelFor(where, dots, now);
    const places: TilePlace[] = [{ level: topLevel(now), row: 0, column: 0 }];
    if (level < topLevel(now)) places.push(...tilesIn(where, stage, now, level));
    this.tiles.want(now, places, this.inAdvance());
    this.drawLoupe();
    this.renderer.draw(now, where, stage, look.peek(), dots, GROUND);
    this.drawn(places.every((place) => this.tiles.peek(tileKey(now.hash, place))));
  }

  /** What the films beside this one will need to be shown whole. */
  private inAdvance() {
    const [stage, dots] = [stageSize.peek(), ratio.peek()];
    return ahead.peek().flatMap((next) => {
      const whole = fitted({ height: next.size[0], width: next.size[1] }, stage);
      const level = levelFor(whole, dots, next);
      const places = [{ level: topLevel(next), row: 0, column: 0 }, ...(level < topLevel(next) ? tilesIn(whole, stage, next, level) : [])];
      return places.map((place) => ({ film: next, place }));
    });
  }

  /** The surroundings of the dragged point, larger: drawn into a corner of the canvas and copied from there. */
  private drawLoupe(): void {
    const carried = carrying.peek();
    const now = film.peek();
    const point = carried && at(carried.symbol);
    if (!point || !now || !this.renderer) return;
    const dots = ratio.peek();
    const scale = Math.max(view.peek().scale * LOUPE_ZOOM, 2 / dots);
    const half = LOUPE_SIDE / 2;
    const near: View = { scale, left: half - (point[0] + 0.5) * scale, top: half - (point[1] + 0.5) * scale };
    const part = { width: LOUPE_SIDE, height: LOUPE_SIDE };
    this.renderer.draw(now, near, part, look.peek(), dots, GROUND);
    const side = Math.round(LOUPE_SIDE * dots);
    if (this.loupe.width !== side) Object.assign(this.loupe, { width: side, height: side });
    this.loupe.getContext("2d")?.drawImage(this.canvas, 0, 0, side, side, 0, 0, side, side);
  }
}
