// Compiles src/ with npm solc through standard JSON and writes one artifact per contract:
//   node build.mjs [output folder]
// An artifact holds ABI, bytecode, compiler settings and solc's metadata; the same sources and
// lockfile give the same bytes. Runtime reads the artifacts and needs no compiler.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const shipped = join(here, "..", "analytics_pipeline", "chain", "artifacts");
const forTests = join(here, "..", "tests", "chain", "artifacts");
const folders = {
  ViewershipRegistry: shipped,
  HonkReleaseVerifier: shipped,
  ReportChecker: shipped,
  BindingVerifier: forTests,
  StandInHonk: forTests,
};

const settings = {
  evmVersion: "cancun",
  metadata: { bytecodeHash: "ipfs", useLiteralContent: false },
  optimizer: { enabled: true, runs: 1_000_000 },
  viaIR: true,
  outputSelection: { "*": { "*": ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};

function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? sourceFiles(path) : path.endsWith(".sol") ? [path] : [];
    })
    .sort();
}

const sources = Object.fromEntries(
  sourceFiles(join(here, "src")).map((path) => [
    relative(here, path).replaceAll("\\", "/"),
    { content: readFileSync(path, "utf8") },
  ]),
);

const findImport = (path) => {
  try {
    return { contents: readFileSync(join(here, "node_modules", path), "utf8") };
  } catch {
    return { error: `not found: ${path} (run npm ci)` };
  }
};

const input = { language: "Solidity", sources, settings };
const result = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
for (const message of result.errors ?? []) console.error(message.formattedMessage);
if (result.errors?.length) process.exit(1); // warnings too

for (const [path, contracts] of Object.entries(result.contracts)) {
  for (const [name, contract] of Object.entries(contracts)) {
    if (!(name in folders)) continue;
    const output = process.argv[2] ?? folders[name];
    mkdirSync(output, { recursive: true });
    const artifact = {
      contractName: name,
      sourceName: path,
      compiler: { name: "solc", version: solc.version(), settings: { ...settings, outputSelection: undefined } },
      abi: contract.abi,
      bytecode: "0x" + contract.evm.bytecode.object,
      deployedBytecode: "0x" + contract.evm.deployedBytecode.object,
      metadata: JSON.parse(contract.metadata),
    };
    writeFileSync(join(output, `${name}.json`), JSON.stringify(artifact, null, 1) + "\n");
    console.log(`${name}: ${contract.evm.deployedBytecode.object.length / 2} bytes`);
  }
}
