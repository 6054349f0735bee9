import { describe, expect, it } from "vitest";
import { linked, pharaoh, wordWeights } from "../src/data/align";
import { inkOn, paint, step } from "../src/data/colour";
import { diffWords } from "../src/data/diff";
import { csvOf } from "../src/data/exports";
import { fromRows, grid, inWords, jensenShannon, pooled, rankIn, row, scaled, weightsOf } from "../src/data/grid";
import { inflated } from "../src/data/source";
import type { Pair, Side } from "../src/data/types";
import { fixed, signed } from "../src/data/words";

const side = (words: string[], of: number[][], special: number[] = []): Side => ({
  tokens: of.map(String),
  words,
  of,
  special,
});

describe("maps", () => {
  it("are bytes, and their rest", () => {
    expect(weightsOf(Uint8Array.of(0, 255, 51), null, 1, 3).at[2]).toBeCloseTo(0.04, 6);
    expect(weightsOf(Uint8Array.of(127), Int8Array.of(127), 1, 1).at[0]).toBeCloseTo(0.25, 6);
  });

  it("of words sum over what is read and average over what reads", () => {
    const tokens = fromRows([
      [0.5, 0.25, 0.25],
      [0.1, 0.2, 0.7],
    ]);
    const words = inWords(tokens, side(["a"], [[0], [0]]), side(["x", "y"], [[0], [0], [1]]));
    expect(Array.from(words.at).map((value) => Number(value.toFixed(4)))).toEqual([0.525, 0.475]);
  });

  it("share a token that belongs to two words", () => {
    const words = inWords(fromRows([[1]]), side(["a"], [[0]]), side(["x", "y"], [[0, 1]]));
    expect(Array.from(words.at)).toEqual([0.5, 0.5]);
  });

  it("of norms are weights times lengths", () => {
    expect(
      Array.from(
        scaled(
          fromRows([
            [1, 2],
            [3, 4],
          ]),
          [10, 100],
        ).at,
      ),
    ).toEqual([10, 200, 30, 400]);
  });

  it("that are pooled keep the largest, whatever its sign", () => {
    const { grid: small, side } = pooled(
      fromRows([
        [0, 0.2, 0],
        [0, -0.9, 0],
        [0, 0, 0.4],
      ]),
      2,
    );
    expect(side).toBe(2);
    expect(Array.from(row(small, 0))[0]).toBeCloseTo(-0.9);
    expect(Array.from(row(small, 1))[1]).toBeCloseTo(0.4);
  });

  it("rank from 1, and ties share a place", () => {
    expect([0, 1, 2].map((i) => rankIn([0.2, 0.5, 0.2], i))).toEqual([2, 1, 2]);
  });

  it("differ by bits", () => {
    expect(jensenShannon([1, 0], [0, 1])).toBeCloseTo(1);
    expect(jensenShannon([0.3, 0.7], [0.3, 0.7])).toBe(0);
  });
});

describe("alignments", () => {
  const pair: Pair = {
    text: "",
    output: "",
    sides: {
      source: side(["a", "b", "</s>"], [[0], [1], [2]], [2]),
      prefix: side(["<s>", "x", "y"], [[0], [1], [2]], [0]),
      target: side(["x", "y", "</s>"], [[0], [1], [2]], [2]),
    },
  };
  const weights = fromRows([
    [0.1, 0.8, 0.1],
    [0.2, 0.7, 0.1],
    [0.9, 0, 0.1],
  ]);

  it("link what is left", () => {
    expect(pharaoh(linked(wordWeights(weights, pair, "output")))).toBe("0-1 1-0 1-1");
  });
  it("are read one step later as input", () => {
    expect(pharaoh(linked(wordWeights(weights, pair, "input")))).toBe("0-1 1-0");
  });
  it("of nothing are none", () => expect(linked(grid(0, 0))).toEqual([]));
});

describe("pictures", () => {
  it("have a root scale", () =>
    expect([step(0, 1), step(0.25, 1), step(1, 1), step(2, 1)]).toEqual([0, 128, 255, 255]));
  it("take signs from two ramps", () => {
    const [plus, minus] = [new Uint32Array(256).fill(1), new Uint32Array(256).fill(2)];
    const into = new Uint32Array(2);
    paint(into, Float32Array.of(-0.5, 0.5), 2, { plus, minus }, "row");
    expect(Array.from(into)).toEqual([2, 1]);
  });
  it("have numbers that can be read", () => expect([inkOn(0xffffffff), inkOn(0xff000000)]).toEqual(["#000", "#fff"]));
});

describe("texts", () => {
  it("differ by words", () => {
    expect(diffWords("a b c", "a c d").map((part) => part.side[0] + part.text)).toEqual(["ba", "ob", "bc", "nd"]);
  });
  it("of one word differ by letters", () =>
    expect(diffWords("abc", "abd").filter((part) => part.side === "new")).toHaveLength(1));
  it("are quoted in CSV", () =>
    expect(csvOf(fromRows([[0.5]]), ['a"b'], ["c,d"])).toBe('row,column,reader,read,value\n0,0,"a""b","c,d",0.5\n'));
  it("round nothing away in silence", () =>
    expect([fixed(0.001), fixed(-0.001), fixed(0), fixed(-1)]).toEqual(["<0.01", ">−0.01", "0.00", "−1.00"]));
  it("have a sign unless they are nothing", () =>
    expect([signed(-0.5), signed(0.5), signed(-0.001)]).toEqual(["−0.50", "+0.50", "0.00"]));
});

it("what Python's zlib deflated is read", async () => {
  expect(Array.from(await inflated("eNpjYPzPBAACBwED"))).toEqual([0, 1, 255, 2]);
});
