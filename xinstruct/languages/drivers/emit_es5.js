// node -e THIS COMPILER FOLDER...: what typescript 5 writes for ES5 of each folder's program.ts, whatever it thinks of
// it, as program.js, with an empty compile.txt and the status 0 beside it.
const fs = require("fs");
const path = require("path");
const [compiler, ...folders] = process.argv.slice(1);
if (!fs.existsSync(compiler)) {
  console.error(`typescript 5 is not installed (${compiler}): make setup`);
  process.exit(127);
}
const ts = require(compiler);
const compilerOptions = { target: ts.ScriptTarget.ES5, module: ts.ModuleKind.CommonJS };
for (const folder of folders) {
  const text = fs.readFileSync(path.join(folder, "program.ts"), "utf8");
  const made = ts.transpileModule(text, { compilerOptions }).outputText;
  const files = { "program.js": made, "compile.txt": "", "compile.status": "0" };
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content);
}
