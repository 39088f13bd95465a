import { describe, expect, it } from "vitest";
import type { FilmState } from "../../src/contract";
import { tileKey, Tiles, type Tile } from "../../src/film/tiles";

const film = { n: 0, hash: "aa", depth: 16, tile: 512, levels: [[512, 1536], [256, 768]] } as unknown as FilmState;
const place = (column: number) => ({ level: 0, row: 0, column });
const settled = () => new Promise((done) => setTimeout(done, 0));

function setUp(mostBytes?: number) {
  const here: string[] = [];
  const left: string[] = [];
  const failures: unknown[] = [];
  const waiting: { key: string; signal?: AbortSignal | undefined; answer: () => void }[] = [];
  const load = (of: FilmState, level: number, row: number, column: number, signal?: AbortSignal) =>
    new Promise<ArrayBuffer>((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
      waiting.push({ key: tileKey(of.hash, { level, row, column }), signal, answer: () => resolve(new ArrayBuffer(2 * 512 * 512)) });
    });
  const tiles = new Tiles((tile: Tile) => here.push(tileKey(tile.hash, tile)), (key) => left.push(key), (error) => failures.push(error), load, mostBytes);
  return { tiles, here, left, failures, waiting };
}

describe("tiles", () => {
  it("arrive at full depth and are not asked for twice", async () => {
    const { tiles, here, waiting } = setUp();
    tiles.want(film, [place(0), place(1)]);
    tiles.want(film, [place(0), place(1)]);
    expect(waiting.map(({ key }) => key)).toEqual(["aa/0/0/0", "aa/0/0/1"]);
    waiting.forEach(({ answer }) => answer());
    await settled();
    expect(here).toEqual(["aa/0/0/0", "aa/0/0/1"]);
    expect(tiles.get("aa/0/0/0")?.grey).toBeInstanceOf(Uint16Array);
  });

  it("that are not wanted any more are called off", async () => {
    const { tiles, here, failures, waiting } = setUp();
    tiles.want(film, [place(0)]);
    tiles.want(film, [place(2)]);
    expect(waiting[0]?.signal?.aborted).toBe(true);
    waiting[1]?.answer();
    await settled();
    expect(here).toEqual(["aa/0/0/2"]);
    expect(failures).toEqual([]);
  });

  it("used longest ago leave when there is no room", async () => {
    const { tiles, left, waiting } = setUp(2 * 2 * 512 * 512);
    const fetch = async (column: number) => {
      tiles.want(film, [place(column)]);
      waiting.at(-1)?.answer();
      await settled();
    };
    await fetch(0);
    await fetch(1);
    tiles.get("aa/0/0/0");
    await fetch(2);
    expect(left).toEqual(["aa/0/0/1"]);
  });

  it("of the wrong length are an error", async () => {
    const { tiles, failures, waiting } = setUp();
    tiles.want({ ...film, depth: 8 }, [place(0)]);
    waiting[0]?.answer();
    await settled();
    expect(String(failures[0])).toContain("expected 262144");
  });
});
