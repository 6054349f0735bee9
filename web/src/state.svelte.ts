/** What is looked at: all of it stands in the address, so that Back works and a link shows the same. */

export const VIEWS = ["heads", "head", "flow", "align", "compare"] as const;
export type View = (typeof VIEWS)[number];

const USUAL = {
  look: "0", // which text: this one, or what it is compared with
  sel: "", // the head that is looked at
  m: "weight", // weight or norm
  tok: "words", // words or pieces
  scale: "fixed", // fixed or row
  tile: "map", // map or offsets: of this text, or over many pairs
  sort: "layer",
  role: "",
  out: "", // heads that are silenced
  way: "zero",
  row: "", // the reader that is looked at
  as: "map", // map or lines
  method: "", // of flow
  t: "0", // output word of flow
  read: "", // how alignments are read
  a: "",
  b: "",
  pin: "", // the head kept for comparison
};
export type Params = typeof USUAL;

class Route {
  view = $state<View>("heads");
  at = $state<Params>({ ...USUAL });

  constructor() {
    this.read();
    window.addEventListener("hashchange", () => this.read());
  }

  private read(): void {
    const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
    this.view = VIEWS.find((view) => view === path) ?? "heads";
    const given = new URLSearchParams(query ?? "");
    const found = { ...USUAL };
    for (const key of Object.keys(USUAL) as (keyof Params)[]) found[key] = given.get(key) ?? USUAL[key];
    this.at = found;
  }

  address(changes: Partial<Params>, view: View = this.view): string {
    const query = new URLSearchParams();
    const all = { ...this.at, ...changes };
    for (const key of Object.keys(USUAL) as (keyof Params)[]) if (all[key] !== USUAL[key]) query.set(key, all[key]);
    const text = query.toString();
    return `#/${view}${text ? `?${text}` : ""}`;
  }

  /** Show something else; Back comes back. */
  go(changes: Partial<Params>, view: View = this.view): void {
    const address = this.address(changes, view);
    if (address !== location.hash) location.hash = address;
  }

  /** Change a detail: the address follows, Back does not count it. */
  set(changes: Partial<Params>): void {
    const address = this.address(changes);
    this.at = { ...this.at, ...changes };
    try {
      history.replaceState(null, "", address);
    } catch {
      // Safari allows a hundred changes in half a minute: the view has changed, its address follows with the next one
    }
  }
}

export const route = new Route();

type Theme = "auto" | "light" | "dark";

class Appearance {
  theme = $state<Theme>("auto");
  private system = $state(false);

  constructor() {
    const query = matchMedia("(prefers-color-scheme: dark)");
    this.system = query.matches;
    query.addEventListener("change", () => (this.system = query.matches));
  }

  get dark(): boolean {
    return this.theme === "auto" ? this.system : this.theme === "dark";
  }

  next(): void {
    this.theme = this.theme === "auto" ? (this.system ? "light" : "dark") : this.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = this.theme;
  }
}

export const appearance = new Appearance();

/** What a screen reader is told. */
export const said = $state({ text: "" });

export function say(text: string): void {
  said.text = text;
}
