// Loaded before a program with its own assertions. A failed console.assert throws; when the program
// has run to its end (its last statement was reached, which is ours, the event loop is empty, nobody
// called exit) the nonce is printed.
"use strict";
(() => {
  const fs = require("fs");
  const Module = require("module");
  const { AssertionError } = require("assert");
  const { writeSync } = fs;
  const nonce = fs.readFileSync("plan.json", "utf8");
  try {
    fs.unlinkSync("plan.json");
  } catch (_) {
    // a read-only folder: the nonce stays readable, nothing else changes
  }
  console.assert = (condition, ...message) => {
    if (!condition) throw new AssertionError({ message: message.map(String).join(" ") || "console.assert" });
  };
  let reached = process.argv[1].endsWith(".mjs"); // a module has no return
  const compile = Module.prototype._compile;
  if (!reached) Module.prototype._compile = function (source, file) {
    Module.prototype._compile = compile; // the program is the first to be compiled
    process.once(nonce, () => (reached = true));
    return compile.call(this, `${source}\n;process.emit("${nonce}");`, file);
  };
  process.once("beforeExit", (code) => {
    if (reached && code === 0 && !process.exitCode) writeSync(1, "\n" + nonce + "\tend\n");
  });
})();
