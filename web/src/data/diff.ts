/** Which words two texts share, in order. */

export interface Part {
  text: string;
  side: "both" | "old" | "new";
}

export function diffWords(old: string, now: string): Part[] {
  const [a, b] = [split(old), split(now)];
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
  const parts: Part[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      parts.push({ text: a[i], side: "both" });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && length[i + 1][j] >= length[i][j + 1])) {
      parts.push({ text: a[i++], side: "old" });
    } else parts.push({ text: b[j++], side: "new" });
  }
  return parts;
}

function split(text: string): string[] {
  const words = text.split(/\s+/).filter(Boolean);
  return words.length > 1 ? words : Array.from(text);
}
