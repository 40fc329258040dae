// Bundles the SDK: `dist/analytics.mjs` (ES module) and `dist/analytics.js` (script tag, global
// `AnalyticsPipeline`). With --tests it bundles test/*.test.ts into build/ for `node --test`.
import { build } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
const common = { bundle: true, charset: "utf8", legalComments: "none", logLevel: "warning" };

if (process.argv.includes("--tests")) {
  const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: "build",
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    target: "node20",
  });
} else {
  const bundle = {
    ...common,
    entryPoints: ["src/index.ts"],
    minify: true,
    platform: "browser",
    target: ["es2022", "chrome133", "firefox130", "safari17"],
    banner: { js: "/*! analytics-pipeline-sdk, Apache-2.0; contains @noble/ciphers, MIT */" },
  };
  await build({ ...bundle, format: "esm", outfile: "dist/analytics.mjs" });
  await build({
    ...bundle,
    format: "iife",
    globalName: "AnalyticsPipeline",
    outfile: "dist/analytics.js",
  });
  for (const file of ["dist/analytics.mjs", "dist/analytics.js"]) {
    const bytes = readFileSync(file);
    console.log(`${file}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzip`);
  }
}
