/** Which tiles of a film's pyramid a view needs. */

import { toFilm, type Size, type View } from "./view";

/** Level 0 is the film; each level has half the pixels of the former along both sides. */
export interface Pyramid {
  /** Height and width of each level. */
  levels: readonly (readonly [number, number])[];
  tile: number;
}

export interface TilePlace {
  level: number;
  row: number;
  column: number;
}

export function topLevel(pyramid: Pyramid): number {
  return pyramid.levels.length - 1;
}

/** The coarsest level whose pixels are at most as large as those of the screen. */
export function levelFor(view: View, ratio: number, pyramid: Pyramid): number {
  const wanted = Math.floor(Math.log2(1 / (view.scale * ratio)) + 1e-9);
  return Math.min(Math.max(wanted, 0), topLevel(pyramid));
}

/** Height and width of a tile; those at the far edges are cut. */
export function tileSize(pyramid: Pyramid, { level, row, column }: TilePlace): [number, number] {
  const [height, width] = pyramid.levels[level] ?? [0, 0];
  return [Math.min(pyramid.tile, height - row * pyramid.tile), Math.min(pyramid.tile, width - column * pyramid.tile)];
}

/** The tiles of `level` that the stage shows, those in its middle first. */
export function tilesIn(view: View, stage: Size, pyramid: Pyramid, level: number): TilePlace[] {
  const [height, width] = pyramid.levels[level] ?? [0, 0];
  const side = pyramid.tile * 2 ** level;
  const [left, top] = toFilm(view, [0, 0]);
  const [right, bottom] = toFilm(view, [stage.width, stage.height]);
  const range = (low: number, high: number, length: number): [number, number] => [
    Math.max(0, Math.floor((low + 0.5) / side)),
    Math.min(Math.ceil(length / pyramid.tile) - 1, Math.floor((high + 0.5) / side)),
  ];
  const [firstRow, lastRow] = range(top, bottom, height);
  const [firstColumn, lastColumn] = range(left, right, width);
  const tiles: TilePlace[] = [];
  for (let row = firstRow; row <= lastRow; row++)
    for (let column = firstColumn; column <= lastColumn; column++) tiles.push({ level, row, column });
  const middle = [(top + bottom) / 2 / side, (left + right) / 2 / side] as const;
  const distance = (tile: TilePlace) => Math.hypot(tile.row + 0.5 - middle[0], tile.column + 0.5 - middle[1]);
  return tiles.sort((a, b) => distance(a) - distance(b));
}

/** A strip of a tile's border: where it lies in the padded texture of one tile, and in its neighbour. */
export interface Strip {
  x: number;
  y: number;
  width: number;
  height: number;
  fromX: number;
  fromY: number;
}

/**
 * The pixels of the neighbour at (down, right) that a tile needs around itself to be smooth across their edge.
 *
 * The texture of a tile is one pixel larger on each side; `size` and `neighbour` are [height, width].
 */
export function borderStrip(
  size: readonly [number, number],
  neighbour: readonly [number, number],
  down: -1 | 0 | 1,
  right: -1 | 0 | 1,
): Strip {
  const along = (length: number, other: number, step: -1 | 0 | 1) => {
    if (step < 0) return { to: 0, from: other - 1, count: 1 };
    if (step > 0) return { to: length + 1, from: 0, count: 1 };
    return { to: 1, from: 0, count: Math.min(length, other) };
  };
  const vertical = along(size[0], neighbour[0], down);
  const horizontal = along(size[1], neighbour[1], right);
  return {
    x: horizontal.to,
    y: vertical.to,
    width: horizontal.count,
    height: vertical.count,
    fromX: horizontal.from,
    fromY: vertical.from,
  };
}
