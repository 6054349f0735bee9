import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

/** Puts code and style into index.html, so that the page is one file that loads nothing. */
function oneFile(): Plugin {
  return {
    name: "one-file",
    enforce: "post",
    generateBundle(_, bundle) {
      let code = "";
      let style = "";
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type === "chunk") code += part.code;
        else if (name.endsWith(".css")) style += part.source;
        delete bundle[name];
      }
      const parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark"><title>regard</title>',
        `<style>${style}</style></head><body><div id="page"></div>`,
        "<noscript>This page draws with JavaScript, which is switched off here.</noscript>",
        "<!--regard:data-->",
        `<script>${code.replaceAll("</script", "<\\/script")}</script>`,
        "<!--regard:bytes-->",
        "</body></html>\n",
      ];
      this.emitFile({ type: "asset", fileName: "index.html", source: parts.join("\n") });
    },
  };
}

export default defineConfig({
  plugins: [svelte(), oneFile()],
  build: {
    target: "es2022",
    outDir: "../src/regard/page",
    emptyOutDir: true,
    lib: { entry: "src/main.ts", formats: ["iife"], name: "regard" },
    modulePreload: false,
  },
});
