/** Orders numbers by size and texts by letters. */
export function ascending(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
