/** Tiles on their way from the server, and those that are here. */

import { api } from "../api";
import type { FilmState } from "../contract";
import { tileSize, type TilePlace } from "./pyramid";

export type Grey = Uint8Array | Uint16Array;

export interface Tile extends TilePlace {
  hash: string;
  width: number;
  height: number;
  grey: Grey;
}

export const tileKey = (hash: string, { level, row, column }: TilePlace) => `${hash}/${level}/${row}/${column}`;

const MOST_BYTES = 256 * 2 ** 20;
const AT_ONCE = 6;

/** A bounded cache: the tiles used longest ago leave first. */
export class Tiles {
  private readonly here = new Map<string, Tile>();
  private readonly coming = new Map<string, AbortController>();
  private waiting: { film: FilmState; place: TilePlace }[] = [];
  private bytes = 0;

  constructor(
    private readonly arrived: (tile: Tile) => void,
    private readonly left: (key: string) => void,
    private readonly failed: (error: unknown) => void,
    private readonly load: typeof api.tile = api.tile,
    private readonly mostBytes = MOST_BYTES,
  ) {}

  get(key: string): Tile | undefined {
    const tile = this.here.get(key);
    if (tile) {
      this.here.delete(key);
      this.here.set(key, tile);
    }
    return tile;
  }

  /** Look without counting it as a use. */
  peek(key: string): Tile | undefined {
    return this.here.get(key);
  }

  all(): IterableIterator<Tile> {
    return this.here.values();
  }

  /** Ask for these tiles, in order; what else was waiting is dropped, and what else is on its way is called off. */
  want(film: FilmState, places: readonly TilePlace[], also: readonly { film: FilmState; place: TilePlace }[] = []): void {
    const wanted = [...places.map((place) => ({ film, place })), ...also];
    const keys = new Set(wanted.map((one) => tileKey(one.film.hash, one.place)));
    for (const [key, controller] of this.coming)
      if (!keys.has(key)) {
        controller.abort();
        this.coming.delete(key);
      }
    this.waiting = wanted.filter(({ film: { hash }, place }) => {
      const key = tileKey(hash, place);
      return !this.here.has(key) && !this.coming.has(key);
    });
    this.start();
  }

  private start(): void {
    while (this.coming.size < AT_ONCE) {
      const next = this.waiting.shift();
      if (!next) return;
      void this.fetch(next.film, next.place);
    }
  }

  private async fetch(film: FilmState, place: TilePlace): Promise<void> {
    const key = tileKey(film.hash, place);
    const controller = new AbortController();
    this.coming.set(key, controller);
    try {
      const buffer = await this.load(film, place.level, place.row, place.column, controller.signal);
      const [height, width] = tileSize(film, place);
      const grey = film.depth === 8 ? new Uint8Array(buffer) : new Uint16Array(buffer);
      if (grey.length !== height * width) throw new Error(`tile ${key}: ${grey.length} pixels, expected ${height * width}`);
      this.add({ ...place, hash: film.hash, width, height, grey });
    } catch (error) {
      if (!controller.signal.aborted) this.failed(error);
    } finally {
      if (this.coming.get(key) === controller) this.coming.delete(key);
      this.start();
    }
  }

  private add(tile: Tile): void {
    const key = tileKey(tile.hash, tile);
    if (this.here.has(key)) return;
    this.here.set(key, tile);
    this.bytes += tile.grey.byteLength;
    for (const [old, { grey }] of this.here) {
      if (this.bytes <= this.mostBytes || old === key) break;
      this.here.delete(old);
      this.bytes -= grey.byteLength;
      this.left(old);
    }
    this.arrived(tile);
  }
}
