/** The one seam between the page and where its data comes from. */

import type { Values } from "./types";

export interface Source {
  /** What is known from the start. */
  values(): Promise<Values>;
  /** Bytes by name, unpacked; asked for when they are shown. */
  bytes(name: string): Promise<Uint8Array>;
}

/** Data that lies in the page itself: behind the code there may be megabytes, which are waited for. */
export class Embedded implements Source {
  private found = new Map<string, Promise<Uint8Array>>();

  values(): Promise<Values> {
    const element = document.getElementById("values");
    if (!element?.textContent) return Promise.reject(new Error("there is no data in this page"));
    return Promise.resolve(JSON.parse(element.textContent));
  }

  bytes(name: string): Promise<Uint8Array> {
    let bytes = this.found.get(name);
    if (!bytes) {
      bytes = whole(name).then(inflated);
      this.found.set(name, bytes);
    }
    return bytes;
  }
}

/** Resolves to the text of an element once the parser is past it. */
async function whole(name: string): Promise<string> {
  for (;;) {
    const element = document.getElementById(name);
    const past = element && (document.readyState !== "loading" || element.nextElementSibling !== null);
    if (past) return element.textContent ?? "";
    if (document.readyState !== "loading") throw new Error(`the page holds no ${name}`);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
}

export async function inflated(base64: string): Promise<Uint8Array> {
  const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
