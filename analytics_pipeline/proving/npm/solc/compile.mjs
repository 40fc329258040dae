// Compiles the verifier contract that bb generated: Solidity on stdin, bytecode as JSON on stdout.
// The same source gives the same bytes; no metadata hash is appended, only solc's version.
import { readFileSync } from "node:fs";
import solc from "solc";

const settings = {
  evmVersion: "cancun",
  metadata: { bytecodeHash: "none" },
  optimizer: { enabled: true, runs: 1 }, // size: the code is near the limit of 24,576 bytes
  outputSelection: { "*": { "*": ["evm.bytecode.object", "evm.deployedBytecode.object"] } },
};
const sources = { "HonkVerifier.sol": { content: readFileSync(0, "utf8") } };
const input = { language: "Solidity", sources, settings };
const result = JSON.parse(solc.compile(JSON.stringify(input)));
for (const message of result.errors ?? []) console.error(message.formattedMessage);
if (result.errors?.some((message) => message.severity === "error")) process.exit(1);

const { bytecode, deployedBytecode } = result.contracts["HonkVerifier.sol"].HonkVerifier.evm;
console.log(
  JSON.stringify({
    compiler: solc.version(),
    creation: bytecode.object,
    runtime: deployedBytecode.object,
  }),
);
