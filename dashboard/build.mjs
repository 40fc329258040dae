// Builds the dashboard into analytics_pipeline/serve/static: index.html and assets named by their
// content, which may be cached for ever. Fails above the size that docs/dashboard.md promises.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const MAX_GZIP_BYTES = 150_000;

process.chdir(dirname(fileURLToPath(import.meta.url)));
const out = "../analytics_pipeline/serve/static";
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "assets"), { recursive: true });

const common = {
  bundle: true,
  minify: true,
  metafile: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  outdir: out,
  target: ["es2022", "chrome133", "firefox130", "safari18"],
  entryNames: "assets/[name]-[hash]",
  chunkNames: "assets/[name]-[hash]",
};
const app = await build({
  ...common,
  entryPoints: { app: "src/main.ts" },
  format: "esm",
  splitting: true,
  banner: {
    js: "/*! analytics-pipeline-dashboard, Apache-2.0; contains uPlot and @noble/hashes, MIT, canonicalize, Apache-2.0 */",
  },
});
// The theme is set before anything is drawn: a classic script, for modules wait.
const theme = await build({
  ...common,
  entryPoints: { theme: "src/theme-early.ts" },
  format: "iife",
});

// For pages of others, which load it by its name; its styles are text, for they go into a shadow tree.
await build({
  ...common,
  entryPoints: { embed: "src/embed/main.ts" },
  entryNames: "[name]",
  format: "iife",
  loader: { ".css": "text" },
  banner: {
    js: "/*! analytics-pipeline-embed, Apache-2.0; contains @noble/hashes, MIT, canonicalize, Apache-2.0 */",
  },
});
copyFileSync("src/embed/badge.html", join(out, "badge.html"));

/** Address of what an entry was built to. */
function address({ metafile }, entry, of = (output, name) => name) {
  const [name, output] = Object.entries(metafile.outputs).find(
    ([, { entryPoint }]) => entryPoint === entry,
  );
  return `/${relative(out, of(output, name))}`;
}

function copyIcon() {
  const bytes = readFileSync("src/icon.svg");
  const name = `assets/icon-${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}.svg`;
  writeFileSync(join(out, name), bytes);
  return `/${name}`;
}

const page = readFileSync("src/index.html", "utf8")
  .replace("{icon}", copyIcon())
  .replace("{theme}", address(theme, "src/theme-early.ts"))
  .replace(
    "{style}",
    address(app, "src/main.ts", (output) => output.cssBundle),
  )
  .replace("{app}", address(app, "src/main.ts"));
writeFileSync(join(out, "index.html"), page);

let total = 0;
for (const name of readdirSync(out, { recursive: true }).sort()) {
  if (!/\.\w+$/.test(name)) continue;
  const bytes = readFileSync(join(out, name));
  const size = gzipSync(bytes, { level: 9 }).length;
  total += size;
  console.log(`${name}: ${bytes.length} bytes, ${size} gzip`);
}
console.log(`together ${total} gzip`);
if (total > MAX_GZIP_BYTES) throw new Error(`more than ${MAX_GZIP_BYTES} bytes`);
