// Minifies every script of a folder where it is, each for itself: node minify-js.mjs FOLDER
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { transformSync } = createRequire(new URL("./tools/", import.meta.url))("esbuild");

for (const entry of readdirSync(process.argv[2], { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith(".js")) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  // As old as the browsers of scripts/bundle-css.mjs.
  const { code } = transformSync(readFileSync(path, "utf8"), { minify: true, charset: "utf8", format: "esm", target: "es2023", legalComments: "none" });
  writeFileSync(path, code);
}
