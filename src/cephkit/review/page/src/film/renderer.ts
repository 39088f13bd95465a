/** The film on the GPU: one texture for each tile, windowed where it is drawn. */

import type { FilmState } from "../contract";
import { surroundings, type Surroundings } from "./contrast";
import { borderStrip, levelFor, tilesIn, topLevel, type TilePlace } from "./pyramid";
import { FRAGMENT, VERTEX } from "./shaders";
import { tileKey, type Grey, type Tile, type Tiles } from "./tiles";
import type { Size, View } from "./view";
import { windowOf, type Look } from "./window";

/** From this many screen pixels for a film pixel on, the pixels are drawn as squares. */
export const SQUARES_FROM = 12;
const STEPS = [-1, 0, 1] as const;
const GROUND = [0.035, 0.043, 0.055] as const;

export class Renderer {
  private readonly textures = new Map<string, WebGLTexture>();
  private readonly around = new Map<string, { texture: WebGLTexture; figures: Surroundings }>();
  private readonly program: WebGLProgram;
  private readonly blank: WebGLTexture;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  private constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly tiles: Tiles,
  ) {
    this.program = linked(gl);
    this.blank = this.floats(new Float32Array([0, 1]), 1, 1);
    gl.bindVertexArray(gl.createVertexArray());
    gl.enable(gl.SCISSOR_TEST);
  }

  /** null where the browser has no WebGL 2. */
  static on(canvas: HTMLCanvasElement, tiles: Tiles): Renderer | null {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    return gl ? new Renderer(gl, tiles) : null;
  }

  /** Draw `film` into a part of the canvas, CSS pixels from its top left corner. */
  draw(film: FilmState, view: View, part: Size, look: Look, ratio: number): void {
    const { gl } = this;
    const [width, height] = [Math.round(part.width * ratio), Math.round(part.height * ratio)];
    const bottom = gl.drawingBufferHeight - height;
    gl.viewport(0, bottom, width, height);
    gl.scissor(0, bottom, width, height);
    gl.clearColor(...GROUND, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.program);
    this.setLook(film, look, view.scale * ratio < SQUARES_FROM);
    const level = levelFor(view, ratio, film);
    const isHere = (place: TilePlace) => this.tiles.peek(tileKey(film.hash, place)) !== undefined;
    // Coarser tiles stand in for those that are still on their way.
    let coarsest = level;
    while (coarsest < topLevel(film) && !tilesIn(view, part, film, coarsest).every(isHere)) coarsest++;
    for (let drawn = coarsest; drawn >= level; drawn--)
      for (const place of tilesIn(view, part, film, drawn)) this.drawTile(film, place, view, part);
  }

  /** Nothing but the ground. */
  clear(): void {
    const { gl } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.scissor(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...GROUND, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** Forget a tile that left the cache. */
  drop(key: string): void {
    const texture = this.textures.get(key);
    if (texture) this.gl.deleteTexture(texture);
    this.textures.delete(key);
  }

  /** Let the textures of neighbours know a new tile's edge. */
  welcome(tile: Tile): void {
    for (const down of STEPS)
      for (const right of STEPS) {
        const place = { level: tile.level, row: tile.row + down, column: tile.column + right };
        const neighbour = this.tiles.peek(tileKey(tile.hash, place));
        const texture = this.textures.get(tileKey(tile.hash, place));
        if (!neighbour || !texture || neighbour === tile) continue;
        this.gl.bindTexture(this.gl.TEXTURE_2D, texture);
        this.border(neighbour, tile, -down as -1 | 0 | 1, -right as -1 | 0 | 1);
      }
  }

  private setLook(film: FilmState, look: Look, smooth: boolean): void {
    const { gl } = this;
    const around = look.local > 0 ? this.aroundOf(film) : null;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, around?.texture ?? this.blank);
    gl.activeTexture(gl.TEXTURE0);
    gl.uniform1i(this.at("u_tile"), 0);
    gl.uniform1i(this.at("u_around"), 1);
    gl.uniform2f(this.at("u_window"), ...windowOf(film.window, look));
    gl.uniform1f(this.at("u_gamma"), look.gamma);
    gl.uniform1f(this.at("u_local"), around ? look.local : 0);
    gl.uniform2f(this.at("u_whole"), around?.figures.mean ?? 0, around?.figures.sd ?? 1);
    gl.uniform1i(this.at("u_invert"), Number(look.invert));
    gl.uniform1i(this.at("u_smooth"), Number(smooth));
  }

  private drawTile(film: FilmState, place: TilePlace, view: View, part: Size): void {
    const { gl } = this;
    const tile = this.tiles.get(tileKey(film.hash, place));
    if (!tile) return;
    gl.bindTexture(gl.TEXTURE_2D, this.textureOf(tile));
    const pixel = 2 ** place.level;
    const [left, top] = [place.column * film.tile * pixel, place.row * film.tile * pixel];
    const [right, bottom] = [left + tile.width * pixel, top + tile.height * pixel];
    const [height, width] = film.size;
    const x = (value: number) => (2 * (value * view.scale + view.left)) / part.width - 1;
    const y = (value: number) => 1 - (2 * (value * view.scale + view.top)) / part.height;
    gl.uniform4f(this.at("u_rect"), x(left), y(top), x(right), y(bottom));
    gl.uniform2f(this.at("u_size"), tile.width, tile.height);
    gl.uniform4f(this.at("u_part"), left / width, top / height, right / width, bottom / height);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private textureOf(tile: Tile): WebGLTexture {
    const key = tileKey(tile.hash, tile);
    const known = this.textures.get(key);
    if (known) return known;
    const { gl } = this;
    const texture = this.integers(tile);
    this.textures.set(key, texture);
    for (const down of STEPS)
      for (const right of STEPS) {
        if (!down && !right) continue;
        const place = { level: tile.level, row: tile.row + down, column: tile.column + right };
        // Beyond the film the edge goes on; so it does until a neighbour is here.
        const neighbour = this.tiles.peek(tileKey(tile.hash, place));
        if (neighbour) this.border(tile, neighbour, down, right);
      }
    gl.bindTexture(gl.TEXTURE_2D, texture);
    return texture;
  }

  private integers(tile: Tile): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    const [wide, high] = [tile.width + 2, tile.height + 2];
    gl.texStorage2D(gl.TEXTURE_2D, 1, tile.grey instanceof Uint8Array ? gl.R8UI : gl.R16UI, wide, high);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    this.put(padded(tile), 0, 0, wide, high);
    return texture;
  }

  private border(tile: Tile, neighbour: Tile, down: -1 | 0 | 1, right: -1 | 0 | 1): void {
    const strip = borderStrip([tile.height, tile.width], [neighbour.height, neighbour.width], down, right);
    const values = tile.grey instanceof Uint8Array ? new Uint8Array(strip.width * strip.height) : new Uint16Array(strip.width * strip.height);
    for (let y = 0; y < strip.height; y++) {
      const start = (strip.fromY + y) * neighbour.width + strip.fromX;
      values.set(neighbour.grey.subarray(start, start + strip.width), y * strip.width);
    }
    this.put(values, strip.x, strip.y, strip.width, strip.height);
  }

  private put(values: Grey, x: number, y: number, width: number, height: number): void {
    const { gl } = this;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const type = values instanceof Uint8Array ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, width, height, gl.RED_INTEGER, type, values);
  }

  private aroundOf(film: FilmState): { texture: WebGLTexture; figures: Surroundings } | null {
    const known = this.around.get(film.hash);
    if (known) return known;
    const tile = this.tiles.peek(tileKey(film.hash, { level: topLevel(film), row: 0, column: 0 }));
    if (!tile) return null;
    const figures = surroundings(tile.grey, tile.width, tile.height);
    const found = { texture: this.floats(figures.values, figures.width, figures.height), figures };
    this.around.set(film.hash, found);
    return found;
  }

  private floats(values: Float32Array, width: number, height: number): WebGLTexture {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG32F, width, height, 0, gl.RG, gl.FLOAT, values);
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    return texture;
  }

  private at(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name);
    if (place === undefined) {
      place = this.gl.getUniformLocation(this.program, name);
      this.places.set(name, place);
    }
    return place;
  }
}

/** A tile with a border of one pixel, its own edge repeated. */
function padded(tile: Tile): Grey {
  const [wide, high] = [tile.width + 2, tile.height + 2];
  const values = tile.grey instanceof Uint8Array ? new Uint8Array(wide * high) : new Uint16Array(wide * high);
  for (let y = 0; y < high; y++) {
    const row = Math.min(Math.max(y - 1, 0), tile.height - 1) * tile.width;
    values.set(tile.grey.subarray(row, row + tile.width), y * wide + 1);
    values[y * wide] = tile.grey[row] ?? 0;
    values[y * wide + wide - 1] = tile.grey[row + tile.width - 1] ?? 0;
  }
  return values;
}

function linked(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
    const shader = gl.createShader(type);
    if (!shader) throw new Error("the WebGL context is lost");
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
    throw new Error(`the film's shader: ${gl.getProgramInfoLog(program) ?? "unknown error"}`);
  return program;
}
