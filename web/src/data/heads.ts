/** Names of heads, as the command line has them: kind, layer and head, from 1. */

import type { Kind, Kinds } from "./types";

export const KINDS: Kind[] = ["encoder", "decoder", "encoder-decoder"];

export const KIND_WORDS: Record<Kind, { title: string; reads: string }> = {
  encoder: { title: "Encoder self-attention", reads: "the source reads the source" },
  decoder: { title: "Decoder self-attention", reads: "the output reads earlier output" },
  "encoder-decoder": { title: "Encoder-decoder attention", reads: "the output reads the source" },
};

export interface HeadPlace {
  kind: Kind;
  layer: number;
  head: number;
}

export function nameOf({ kind, layer, head }: HeadPlace): string {
  return `${kind}.${layer + 1}.${head + 1}`;
}

export function placeOf(name: string): HeadPlace {
  const [kind, layer, head] = name.split(".");
  return { kind: kind as Kind, layer: Number(layer) - 1, head: Number(head) - 1 };
}

export function shortOf(name: string): string {
  return name.slice(name.indexOf(".") + 1);
}

export function wordsOf(name: string): string {
  const { kind, layer, head } = placeOf(name);
  return `${KIND_WORDS[kind].title}, layer ${layer + 1}, head ${head + 1}`;
}

export function headsOf(kinds: Kinds, kind: Kind): string[] {
  const maps = kinds[kind];
  if (!maps) return [];
  const [layers, heads] = maps.shape;
  return Array.from({ length: layers * heads }, (_, i) =>
    nameOf({ kind, layer: Math.floor(i / heads), head: i % heads }),
  );
}

/** What the map of a head is not. */
export function notOf(name: string, norm: boolean): string {
  if (norm) return "This is the length of what the head added, not what that changed in the output.";
  const who = placeOf(name).kind === "encoder" ? "the encoder" : "the decoder";
  return `This is where ${who} read, not what changed the output.`;
}
