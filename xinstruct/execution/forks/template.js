// The template of JavaScript programs: a node inside the sandbox's root that is started once and forked for each program.
// zygote.py executes it; node.c forks. The template never reads a request: each fork reads its own, enters its scratch,
// drops its rights and runs its script as node would have done after starting.
"use strict";
const fs = require("fs");
const Module = require("module");
const path = require("path");
for (const name of ["assert", "inspector", "util", "v8", "vm", "worker_threads", "events", "readline"]) require(name);

const numbers = process.env.XINSTRUCT_TEMPLATE.split(" ").map(Number); // see serve in node.c
const library = process.env.LD_PRELOAD;
delete process.env.LD_PRELOAD;
delete process.env.XINSTRUCT_TEMPLATE;
const native = { exports: {} };
process.dlopen(native, library);
const { serve, enter } = native.exports;

// Run a script as if node had been started with this command line.
const start = (pid, argv) => {
  const at = argv.findIndex((word, i) => i > 0 && !word.startsWith("-"));
  const file = path.resolve(argv[at]);
  process.execArgv = argv.slice(1, at);
  process.argv = [process.execPath, file, ...argv.slice(at + 1)];
  Object.defineProperty(process, "pid", { value: pid, writable: false, enumerable: true, configurable: false });
  const main = new Module(file, null);
  Object.assign(main, { id: ".", filename: file, paths: Module._nodeModulePaths(path.dirname(file)) });
  Module._cache = Object.assign(Object.create(null), { [file]: main });
  process.mainModule = main;
  setImmediate(main._compile.bind(main, fs.readFileSync(file, "utf8"), file)); // with no frame of this file around it
};

serve(...numbers);
try {
  const [pid, ...argv] = enter();
  process.chdir("."); // node remembers the template's folder
  start(pid, argv);
} catch (error) {
  fs.writeSync(2, `cannot start: ${error.message}`);
  process.reallyExit(125);
}
