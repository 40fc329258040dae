// Compiles the circuit of the current folder and executes it on a list of inputs (JSON on standard
// input). Prints, for each of them, what it returns or why it fails, as one JSON list.
import { Noir } from "@noir-lang/noir_js";
import { compile_program, createFileManager } from "@noir-lang/noir_wasm";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const { program } = await compile_program(createFileManager(resolve(".")));
const noir = new Noir(program);
const answers = [];
for (const inputs of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    answers.push({ returned: (await noir.execute(inputs)).returnValue });
  } catch (error) {
    answers.push({ failed: String(error.message ?? error) });
  }
}
console.log(JSON.stringify(answers));
