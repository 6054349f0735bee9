/** What `inspection/page.py` and `cli/look_page.py` write. */

export type Kind = "encoder" | "decoder" | "encoder-decoder";
export type SideName = "source" | "prefix" | "target";

/** Tokens and words of a text; `of` tells which words each token belongs to, each alike. */
export interface Side {
  tokens: string[];
  words: string[];
  of: number[][];
  special: number[];
}

export interface Vectors {
  d: number;
  q: string;
  k: string;
  q_steps: number[];
  k_steps: number[];
}

/** Attention of one kind: shape is layers, heads, queries, keys; strings name packed bytes. */
export interface KindMaps {
  kind: Kind;
  rows: SideName;
  columns: SideName;
  shape: [number, number, number, number];
  weights: string;
  rest: string | null;
  small: { bytes: string; side: number; shape: [number, number, number, number] } | null;
  values: number[][][] | null;
  vectors: Vectors[];
}

export type Kinds = Partial<Record<Kind, KindMaps>>;

export interface Method {
  method: string;
  source: number[][];
  prefix: number[][];
  share: number[];
  not: string;
  unit: string;
}

/** What a knock-out does: changes in thousandths of a nat, and which of the look's outputs is written then. */
export interface Effect {
  heads: string[];
  way: string;
  changes: number[];
  total: number;
  output: number;
}

export interface Choice {
  head: string;
  measure: "weight" | "norm";
  step: "output" | "input";
  error: number;
  interval: [number, number];
  pairs: number;
  against: "gold" | "silver";
  words: string;
}

export interface HeadReport {
  head: string;
  role: { name: string; share: number; offset: number | null };
  importance: number;
  importance_interval: [number | null, number | null];
  entropy: number;
  special: number;
  rarest: number;
  alignment_error: number | null;
  offsets: Record<string, number>;
}

export interface Corpus {
  pairs: number;
  heads: HeadReport[];
  alignment: Choice;
  alignment_errors: { head: string; measure: "weight" | "norm"; step: "output" | "input"; error: number }[];
  agreement: { method: string; correlation: number; interval: [number | null, number | null]; sentences: number }[];
}

export interface Pair {
  text: string;
  output: string;
  sides: Record<SideName, Side>;
}

export interface Look extends Pair {
  name: string;
  run: string;
  forced: boolean;
  logprobs: number[];
  kinds: Kinds;
  methods: Method[];
  agreement: { method: string; correlation: number | null }[] | null;
  effects: Effect[];
  outputs: string[];
  long: boolean;
  choice: Choice | null;
  corpus: Corpus | null;
  no_corpus: string | null;
  commands: { silence: string; corpus: string; gold: string };
}

export interface Training extends Pair {
  steps: { step: number; kinds: Kinds }[];
  of: number;
}

export interface Values {
  format: number;
  regard: string;
  looks: Look[];
  training: Training | null;
  no_training: string | null;
}
