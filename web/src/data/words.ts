/** Numbers as they are written. */

export function fixed(value: number, digits = 2): string {
  const least = (10 ** -digits).toFixed(digits);
  if (value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits) return value < 0 ? `>−${least}` : `<${least}`;
  return value.toFixed(digits).replace("-", "−");
}

export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

export function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

export function interval(ends: [number | null, number | null], form: (value: number) => string): string {
  return ends[0] === null || ends[1] === null ? "" : `${form(ends[0])} to ${form(ends[1])}`;
}
