/** Colours of maps: one scale per kind, from Okabe and Ito's palette; one for what has a sign. */

import type { Kind } from "./types";

type Stop = [number, number, number];

const LIGHT: Record<Kind | "sign-", Stop[]> = {
  encoder: [
    [255, 255, 255],
    [146, 199, 230],
    [0, 114, 178],
    [0, 45, 78],
  ],
  decoder: [
    [255, 255, 255],
    [247, 207, 126],
    [230, 159, 0],
    [112, 62, 0],
  ],
  "encoder-decoder": [
    [255, 255, 255],
    [134, 212, 184],
    [0, 158, 115],
    [0, 62, 44],
  ],
  "sign-": [
    [255, 255, 255],
    [240, 178, 138],
    [213, 94, 0],
    [102, 38, 0],
  ],
};

const DARK: Record<Kind | "sign-", Stop[]> = {
  encoder: [
    [22, 25, 29],
    [0, 72, 116],
    [46, 146, 208],
    [208, 235, 252],
  ],
  decoder: [
    [22, 25, 29],
    [104, 68, 0],
    [230, 159, 0],
    [255, 237, 199],
  ],
  "encoder-decoder": [
    [22, 25, 29],
    [0, 84, 61],
    [10, 168, 124],
    [204, 246, 230],
  ],
  "sign-": [
    [22, 25, 29],
    [110, 46, 0],
    [224, 108, 20],
    [255, 222, 198],
  ],
};

/** 256 colours from nothing to the strongest, as ImageData holds them. */
export function ramp(of: Kind | "sign-", dark: boolean): Uint32Array {
  const stops = (dark ? DARK : LIGHT)[of];
  const colours = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1);
    const first = Math.min(Math.floor(place), stops.length - 2);
    const [r, g, b] = [0, 1, 2].map((c) =>
      Math.round(stops[first][c] + (stops[first + 1][c] - stops[first][c]) * (place - first)),
    );
    colours[i] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return colours;
}

export function css(colour: number): string {
  return `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
}

/** Black or white, whichever is easier to read on a colour. */
export function inkOn(colour: number): string {
  const [r, g, b] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255].map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return (light + 0.05) / 0.05 > 1.05 / (light + 0.05) ? "#000" : "#fff";
}

/** Which of 256 colours a value of `most` has: by its root, so that small weights can be seen. */
export function step(value: number, most: number): number {
  return Math.min(255, Math.round(255 * Math.sqrt(Math.max(0, value) / most)));
}

/** The colour of what could not be read: it was not written yet. */
export function notYet(dark: boolean): number {
  return dark ? 0xff35302b : 0xffecebea;
}

/** Colours each cell; a negative value takes its colour from `minus`, and nothing right of the diagonal that of `later`. */
export function paint(
  into: Uint32Array,
  values: Float32Array,
  columns: number,
  colours: { plus: Uint32Array; minus: Uint32Array },
  most: number | "row",
  later?: number,
): void {
  for (let start = 0; start < values.length; start += columns) {
    let top = most === "row" ? 0 : most;
    if (most === "row") for (let j = 0; j < columns; j++) top = Math.max(top, Math.abs(values[start + j]));
    for (let j = 0; j < columns; j++) {
      const value = values[start + j];
      if (value === 0 && later !== undefined && j > start / columns) into[start + j] = later;
      else into[start + j] = value < 0 ? colours.minus[step(-value, top || 1)] : colours.plus[step(value, top || 1)];
    }
  }
}
