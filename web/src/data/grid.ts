/** A map as numbers, and what is made of it: words of tokens, norms of weights, smaller maps, differences. */

import type { Side } from "./types";

export interface Grid {
  rows: number;
  columns: number;
  at: Float32Array;
}

export function grid(rows: number, columns: number, at = new Float32Array(rows * columns)): Grid {
  return { rows, columns, at };
}

export function fromRows(values: number[][]): Grid {
  return grid(values.length, values[0]?.length ?? 0, Float32Array.from(values.flat()));
}

export function row(of: Grid, i: number): Float32Array {
  return of.at.subarray(i * of.columns, (i + 1) * of.columns);
}

/** The weights that bytes stand for: (byte / 255)², to four digits if the rest of each byte is known. */
export function weightsOf(bytes: Uint8Array, rest: Int8Array | null, rows: number, columns: number): Grid {
  const found = grid(rows, columns);
  for (let i = 0; i < bytes.length; i++) {
    const root = (bytes[i] + (rest ? rest[i] / 254 : 0)) / 255;
    found.at[i] = root * root;
  }
  return found;
}

/** Every column times a number: weights times lengths of values are norms. */
export function scaled(of: Grid, factors: number[]): Grid {
  const found = grid(of.rows, of.columns);
  for (let i = 0; i < of.at.length; i++) found.at[i] = of.at[i] * factors[i % of.columns];
  return found;
}

/** Words of tokens: summed over what is read, averaged over what reads. */
export function inWords(of: Grid, rows: Side, columns: Side): Grid {
  const wide = grid(of.rows, columns.words.length);
  for (let i = 0; i < of.rows; i++)
    for (let j = 0; j < of.columns; j++)
      for (const word of columns.of[j])
        wide.at[i * wide.columns + word] += of.at[i * of.columns + j] / columns.of[j].length;
  const found = grid(rows.words.length, wide.columns);
  const shares = new Float32Array(found.rows);
  for (let i = 0; i < of.rows; i++)
    for (const word of rows.of[i]) {
      const share = 1 / rows.of[i].length;
      shares[word] += share;
      for (let j = 0; j < wide.columns; j++) found.at[word * wide.columns + j] += share * wide.at[i * wide.columns + j];
    }
  for (let i = 0; i < found.at.length; i++) found.at[i] /= shares[Math.floor(i / wide.columns)] || 1;
  return found;
}

/** The largest of each square of cells, so that no side has more than `most`; and the side of a square. */
export function pooled(of: Grid, most: number): { grid: Grid; side: number } {
  const side = Math.max(1, Math.ceil(Math.max(of.rows, of.columns) / most));
  if (side === 1) return { grid: of, side };
  const found = grid(Math.ceil(of.rows / side), Math.ceil(of.columns / side));
  for (let i = 0; i < of.rows; i++) {
    const start = Math.floor(i / side) * found.columns;
    for (let j = 0; j < of.columns; j++) {
      const place = start + Math.floor(j / side);
      const value = of.at[i * of.columns + j];
      if (Math.abs(value) > Math.abs(found.at[place])) found.at[place] = value;
    }
  }
  return { grid: found, side };
}

export function minus(a: Grid, b: Grid): Grid {
  return grid(
    a.rows,
    a.columns,
    a.at.map((value, i) => value - b.at[i]),
  );
}

export function largest(of: Grid): number {
  let most = 0;
  for (const value of of.at) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}

/** Place of a value among those of its row: 1 is the largest; equal values share a place. */
export function rankIn(values: ArrayLike<number>, i: number): number {
  let before = 1;
  for (let j = 0; j < values.length; j++) if (values[j] > values[i]) before++;
  return before;
}

/** How unlike two rows of weights are, in bits: 0 if they are the same, 1 if they share nothing. */
export function jensenShannon(p: ArrayLike<number>, q: ArrayLike<number>): number {
  const sums = [p, q].map((row) => Array.from(row).reduce((a, b) => a + b, 0) || 1);
  let found = 0;
  for (let i = 0; i < p.length; i++) {
    const [a, b] = [p[i] / sums[0], q[i] / sums[1]];
    const mean = (a + b) / 2;
    if (a > 0) found += 0.5 * a * Math.log2(a / mean);
    if (b > 0) found += 0.5 * b * Math.log2(b / mean);
  }
  return Math.max(0, found);
}

/** How spread out a row is, in nats. */
export function entropy(values: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > 0) found -= values[i] * Math.log(values[i]);
  return found;
}
