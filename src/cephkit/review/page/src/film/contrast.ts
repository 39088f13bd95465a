/** Mean and SD of the grey values around each place of a film, for local contrast. */

export interface Surroundings {
  width: number;
  height: number;
  /** Mean and SD by turns, row by row. */
  values: Float32Array;
  mean: number;
  sd: number;
}

const LONGER_SIDE = 96;
/** Half the side of the neighbourhood, as a share of the film's longer side. */
const REACH = 0.06;

/** From the coarsest level of the film; means over squares by a summed-area table. */
export function surroundings(grey: Uint8Array | Uint16Array, width: number, height: number): Surroundings {
  const stride = width + 1;
  const sums = new Float64Array(stride * (height + 1));
  const squares = new Float64Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    let rowSquares = 0;
    for (let x = 0; x < width; x++) {
      const value = grey[y * width + x] ?? 0;
      row += value;
      rowSquares += value * value;
      const here = (y + 1) * stride + x + 1;
      sums[here] = (sums[here - stride] ?? 0) + row;
      squares[here] = (squares[here - stride] ?? 0) + rowSquares;
    }
  }
  const figures = (left: number, top: number, right: number, bottom: number): [number, number] => {
    const box = (table: Float64Array) =>
      (table[bottom * stride + right] ?? 0) - (table[top * stride + right] ?? 0) -
      (table[bottom * stride + left] ?? 0) + (table[top * stride + left] ?? 0);
    const count = Math.max(1, (right - left) * (bottom - top));
    const mean = box(sums) / count;
    return [mean, Math.sqrt(Math.max(0, box(squares) / count - mean * mean))];
  };
  const scale = Math.min(1, LONGER_SIDE / Math.max(width, height));
  const columns = Math.max(1, Math.round(width * scale));
  const rows = Math.max(1, Math.round(height * scale));
  const reach = Math.max(1, Math.round(REACH * Math.max(width, height)));
  const values = new Float32Array(2 * columns * rows);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const x = Math.floor(((column + 0.5) * width) / columns);
      const y = Math.floor(((row + 0.5) * height) / rows);
      const box = [Math.max(0, x - reach), Math.max(0, y - reach), Math.min(width, x + reach + 1), Math.min(height, y + reach + 1)] as const;
      values.set(figures(...box), 2 * (row * columns + column));
    }
  const [mean, sd] = figures(0, 0, width, height);
  return { width: columns, height: rows, values, mean, sd };
}
