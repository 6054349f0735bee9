/** Word alignments read off a head, by the rule of `inspection/alignment.py`. */

import { grid, row, type Grid } from "./grid";
import type { Pair, Side } from "./types";

export type Link = [source: number, target: number];

/** What each output word was given of each source word, both without special tokens. */
export function wordWeights(weights: Grid, pair: Pair, step: "output" | "input"): Grid {
  const { source, target } = pair.sides;
  const [plainSource, plainTarget] = [plain(source), plain(target)];
  const found = grid(plainTarget.length, plainSource.length);
  const shares = new Float32Array(target.words.length);
  const tokens = weights.rows - 1;
  for (let t = 0; t < tokens; t++) {
    const read = row(weights, step === "output" ? t : t + 1);
    const words = new Float32Array(source.words.length);
    for (let s = 0; s < weights.columns; s++)
      for (const word of source.of[s]) words[word] += read[s] / source.of[s].length;
    for (const word of target.of[t]) {
      const i = plainTarget.indexOf(word);
      if (i < 0) continue;
      const share = 1 / target.of[t].length;
      shares[word] += share;
      plainSource.forEach((place, j) => (found.at[i * found.columns + j] += share * words[place]));
    }
  }
  plainTarget.forEach((word, i) => {
    for (let j = 0; j < found.columns; j++) found.at[i * found.columns + j] /= shares[word] || 1;
  });
  return found;
}

export function plain(side: Side): number[] {
  return side.words.map((_, i) => i).filter((i) => !side.special.includes(i));
}

/** The best source word of each output word, and the best output word of each source word that is left. */
export function linked(weights: Grid): Link[] {
  if (!weights.rows || !weights.columns) return [];
  const links: Link[] = [];
  for (let j = 0; j < weights.rows; j++) links.push([argmax(row(weights, j)), j]);
  const used = new Set(links.map(([i]) => i));
  for (let i = 0; i < weights.columns; i++) {
    if (used.has(i)) continue;
    const column = Float32Array.from({ length: weights.rows }, (_, j) => weights.at[j * weights.columns + i]);
    links.push([i, argmax(column)]);
  }
  return links.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

export function pharaoh(links: Link[]): string {
  return links.map(([i, j]) => `${i}-${j}`).join(" ");
}

function argmax(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}
