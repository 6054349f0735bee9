/** Maps of heads, unpacked kind by kind when they are first shown. */

import { grid, inWords, largest, scaled, weightsOf, type Grid } from "./grid";
import { placeOf } from "./heads";
import type { Source } from "./source";
import type { Kind, KindMaps, Kinds, Pair } from "./types";

/** Cells of unpacked maps of a kind that are kept at most: 4 bytes each. */
const MOST_CELLS = 8_000_000;

/** The bytes of one kind of attention in one look. */
export class Unpacked {
  private grids = new Map<string, Grid>();
  private cells = 0;
  private most = 0;

  constructor(
    readonly maps: KindMaps,
    private readonly bytes: Uint8Array,
    private readonly rest: Int8Array | null,
  ) {}

  /** The map of a head between tokens. */
  tokens(layer: number, head: number, measure: string): Grid {
    return this.kept(`${layer}.${head}.${measure}`, () => {
      const [, heads, rows, columns] = this.maps.shape;
      const start = (layer * heads + head) * rows * columns;
      const part = this.bytes.subarray(start, start + rows * columns);
      const weights = weightsOf(part, this.rest?.subarray(start, start + rows * columns) ?? null, rows, columns);
      const lengths = this.maps.values?.[layer][head];
      return measure === "norm" && lengths ? scaled(weights, lengths) : weights;
    });
  }

  /** The same between words. */
  words(layer: number, head: number, measure: string, pair: Pair): Grid {
    const { rows, columns } = this.maps;
    return this.kept(`${layer}.${head}.${measure}.words`, () =>
      inWords(this.tokens(layer, head, measure), pair.sides[rows], pair.sides[columns]),
    );
  }

  /** The largest norm there is in this kind: what all its maps are drawn against. */
  get longest(): number {
    if (this.most) return this.most;
    const [layers, heads] = this.maps.shape;
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < heads; head++)
        this.most = Math.max(this.most, largest(this.tokens(layer, head, "norm")));
    return (this.most ||= 1);
  }

  private kept(key: string, make: () => Grid): Grid {
    let found = this.grids.get(key);
    if (!found) {
      found = make();
      this.cells += found.at.length;
      if (this.cells > MOST_CELLS) {
        this.grids.clear();
        this.cells = found.at.length;
      }
      this.grids.set(key, found);
    }
    return found;
  }
}

/** Small maps of long texts: the largest weight of each square. */
export class Small {
  constructor(
    readonly side: number,
    private readonly shape: number[],
    private readonly bytes: Uint8Array,
  ) {}

  tokens(layer: number, head: number): Grid {
    const [, heads, rows, columns] = this.shape;
    const start = (layer * heads + head) * rows * columns;
    const found = grid(rows, columns);
    for (let i = 0; i < found.at.length; i++) found.at[i] = (this.bytes[start + i] / 255) ** 2;
    return found;
  }
}

class Store {
  source: Source | null = null;
  private ready = $state.raw<ReadonlyMap<string, Unpacked | Small>>(new Map());
  private asked = new Set<string>();
  problem = $state("");

  /** The maps of a kind, or null until they are unpacked. */
  unpacked(maps: KindMaps | undefined): Unpacked | null {
    return maps ? (this.get(maps.weights, () => this.unpack(maps)) as Unpacked | null) : null;
  }

  small(maps: KindMaps | undefined): Small | null {
    const small = maps?.small;
    if (!small) return null;
    return this.get(
      small.bytes,
      async () => new Small(small.side, small.shape, await this.bytes(small.bytes)),
    ) as Small | null;
  }

  bytes(name: string): Promise<Uint8Array> {
    return this.source!.bytes(name);
  }

  private get(name: string, make: () => Promise<Unpacked | Small>): Unpacked | Small | null {
    if (!this.asked.has(name)) {
      this.asked.add(name);
      make().then(
        (found) => (this.ready = new Map(this.ready).set(name, found)),
        (error: Error) => (this.problem = error.message),
      );
    }
    return this.ready.get(name) ?? null;
  }

  private async unpack(maps: KindMaps): Promise<Unpacked> {
    const [bytes, rest] = await Promise.all([this.bytes(maps.weights), maps.rest ? this.bytes(maps.rest) : null]);
    return new Unpacked(maps, bytes, rest && new Int8Array(rest.buffer, rest.byteOffset, rest.length));
  }
}

export const store = new Store();

export interface Shown {
  grid: Grid;
  rows: string[];
  columns: string[];
  kind: Kind;
}

/** The map of a head with the texts of its rows and columns, or null until it is unpacked. */
export function shown(pair: Pair, kinds: Kinds, name: string, measure: string, tokens: string): Shown | null {
  const { kind, layer, head } = placeOf(name);
  const maps = kinds[kind];
  const unpacked = store.unpacked(maps);
  if (!maps || !unpacked) return null;
  const [rows, columns] = [pair.sides[maps.rows], pair.sides[maps.columns]];
  if (tokens === "pieces")
    return { grid: unpacked.tokens(layer, head, measure), rows: rows.tokens, columns: columns.tokens, kind };
  return { grid: unpacked.words(layer, head, measure, pair), rows: rows.words, columns: columns.words, kind };
}
