/** Files that the page makes of what it shows; nothing leaves the machine. */

import { css, step } from "./colour";
import type { Grid } from "./grid";

export function csvOf(grid: Grid, rows: string[], columns: string[]): string {
  const cell = (text: string) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = ["row,column,reader,read,value"];
  for (let i = 0; i < grid.rows; i++)
    for (let j = 0; j < grid.columns; j++)
      lines.push(
        [i, j, cell(rows[i]), cell(columns[j]), Number(grid.at[i * grid.columns + j].toPrecision(6))].join(","),
      );
  return `${lines.join("\n")}\n`;
}

export interface Drawing {
  grid: Grid;
  rows: string[];
  columns: string[];
  title: string;
  note: string;
  colours: { plus: Uint32Array; minus: Uint32Array };
  most: number;
}

export function svgOf({ grid, rows, columns, title, note, colours, most }: Drawing): string {
  const cell = grid.columns > 60 ? 6 : 20;
  const width = (texts: string[]) => Math.min(200, Math.max(...texts.map((text) => text.length), 1) * 7.4 + 12);
  const [left, top] = [width(rows), width(columns) * 0.8 + 32];
  const escape = (text: string) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const parts: string[] = [];
  for (let i = 0; i < grid.rows; i++)
    for (let j = 0; j < grid.columns; j++) {
      const value = grid.at[i * grid.columns + j];
      const shade = step(Math.abs(value), most);
      if (!shade) continue;
      const colour = css((value < 0 ? colours.minus : colours.plus)[shade]);
      parts.push(
        `<rect x="${left + j * cell}" y="${top + i * cell}" width="${cell}" height="${cell}" fill="${colour}"/>`,
      );
    }
  const size = cell < 12 ? 6 : 12;
  rows.forEach((text, i) =>
    parts.push(
      `<text x="${left - 6}" y="${top + (i + 0.7) * cell}" text-anchor="end" font-size="${size}">${escape(text)}</text>`,
    ),
  );
  columns.forEach((text, j) => {
    const [x, y] = [left + (j + 0.6) * cell, top - 6];
    parts.push(`<text x="${x}" y="${y}" transform="rotate(-50 ${x} ${y})" font-size="${size}">${escape(text)}</text>`);
  });
  const [right, bottom] = [left + grid.columns * cell, top + grid.rows * cell];
  parts.push(
    `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="none" stroke="#888"/>`,
  );
  parts.push(`<text x="8" y="20" font-size="13" font-weight="600">${escape(title)}</text>`);
  parts.push(`<text x="8" y="${bottom + 24}" font-size="11">${escape(note)}</text>`);
  const box = `0 0 ${Math.max(right + 80, title.length * 7.5, note.length * 6)} ${bottom + 36}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${box}" font-family="system-ui, sans-serif">${parts.join("")}</svg>\n`;
}

export function download(name: string, text: string, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
