// The node that JavaScript programs are forked from, inside the sandbox's root: what a start of node costs is paid once.
// Started by zygote.py in its own place; node.c forks. The template never reads a request: each fork takes its own, goes
// into its scratch, gives up its rights and runs its script as node would have done after starting.
"use strict";
const fs = require("fs");
const Module = require("module");
const path = require("path");
for (const name of ["assert", "inspector", "util", "v8", "vm", "worker_threads", "events", "readline"]) require(name);

const [socket, settings, own, proc, shielded] = process.env.XINSTRUCT_TEMPLATE.split(" ").map(Number);
const config = JSON.parse(fs.readFileSync(settings, "utf8"));
fs.closeSync(settings);
const bytes = (text) => Buffer.from(text, "base64");
const filter = bytes(config.filter);
delete process.env.LD_PRELOAD;
delete process.env.XINSTRUCT_TEMPLATE;
const native = { exports: {} };
process.dlopen(native, config.library);
const { serve, enter, apply, limit, drop } = native.exports;

const world = (request) => {
  process.umask(0);
  apply(bytes(request.mounts));
  fs.writeFileSync("/proc/self/oom_score_adj", shielded ? "0" : "500"); // before the template
  for (const folder of request.folders) fs.mkdirSync(folder, { recursive: true });
  for (const [file, content] of request.files) fs.writeFileSync(file, bytes(content));
  process.umask(0o022);
  process.chdir(request.folder);
  apply(bytes(request.closing));
};

// As a node that was started with this command line.
const start = (argv, pid) => {
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

const [blob, stdin, stdout, stderr, note] = serve(socket, own, proc);
try {
  const request = JSON.parse(fs.readFileSync(blob, "utf8"));
  enter(stdin, stdout, stderr);
  world(request);
  fs.writeSync(note, '{"exit-code": 0}');
  for (const fd of [blob, stdin, stdout, stderr, note]) fs.closeSync(fd);
  for (const [kind, value] of request.rlimits) limit(kind, value);
  for (let left = Number(process.hrtime.bigint() % 4096n); left > 0; left--) Math.random(); // forks share its seed
  start(request.argv, drop(request.uid, filter));
} catch (error) {
  fs.writeSync(2, `cannot start: ${error.message}`);
  process.reallyExit(125);
}
