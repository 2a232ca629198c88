import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { Plugin, UserConfig } from "vite";

/** Every browser that runs the page reads woff2; the other forms of each font would only lie there. */
const onlyModernFonts: Plugin = {
  name: "only-modern-fonts",
  enforce: "pre",
  transform(code, id) {
    if (!/katex.*\.css/.test(id)) return undefined;
    return code.replace(/,\s*url\([^)]*\.(?:woff|ttf)\)\s*format\(["'](?:woff|truetype)["']\)/g, "");
  },
};

const config: UserConfig = {
  plugins: [react(), onlyModernFonts],
  resolve: {
    alias: {
      // The one for browsers lets the browser read KaTeX's HTML, which the page's policy takes for inline styles.
      "hast-util-from-html-isomorphic": fileURLToPath(
        new URL("index.js", import.meta.resolve("hast-util-from-html-isomorphic")),
      ),
    },
  },
  base: "/",
  build: {
    target: "es2022",
    // Nothing inline: the page's policy allows files of its own alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
    reportCompressedSize: false,
  },
};

export default config;
