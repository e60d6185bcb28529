// One stylesheet from one with imports, minified: node bundle-css.mjs FROM TO
// Browsers: those that have cross-document view transitions or do without, from 2024 on; nothing is rewritten for older ones.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const { bundle } = createRequire(new URL("./tools/", import.meta.url))("lightningcss");
const [from, to] = process.argv.slice(2);
const version = (major, minor = 0) => (major << 16) | (minor << 8);

const { code, warnings } = bundle({
  filename: from,
  minify: true,
  targets: { chrome: version(120), firefox: version(121), safari: version(17, 4) },
});
for (const { message, loc } of warnings) console.error(`${loc?.filename ?? from}:${loc?.line ?? 0}: ${message}`);
if (warnings.length > 0) process.exit(1);
writeFileSync(to, code);
