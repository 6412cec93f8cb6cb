// Runs program.js (or program.mjs) with its own assertions as the main module, and prints the nonce when it came to its
// end: the module was run through, nothing was thrown, the event loop is empty and nobody called exit. Where there is a
// tests.js, program.js is run as a script, so that its declarations are global (a module makes its own so), and tests.js
// in a function after it; an exit of the tests themselves is an end, too.
"use strict";
(() => {
  const fs = require("fs");
  const path = require("path");
  const assert = require("assert");
  const { inspect } = require("util");
  const { _load, createRequire } = require("module");
  const { Script, constants } = require("vm");
  const { AssertionError } = assert;
  const { readSync, writeSync, unlinkSync } = fs;
  const { getActiveResourcesInfo, reallyExit } = process;
  const { defineProperty, freeze, getOwnPropertyNames, getPrototypeOf } = Object;
  const later = setImmediate;
  const leave = reallyExit.bind(process);
  const NONCE = 32; // characters

  const fix = (owner, name, value) => defineProperty(owner, name, { value, writable: false, configurable: false });
  const refuse = () => {
    throw new Error("not available to a program that is judged");
  };

  // The nonce lies here in two halves that look random each, in no place that the program can name.
  const take = () => {
    const [mask, masked] = [new Uint8Array(NONCE), new Uint8Array(NONCE)];
    const [random, plan] = [fs.openSync("/dev/urandom", "r"), fs.openSync("plan.json", "r")];
    readSync(random, mask, 0, NONCE, null);
    readSync(plan, masked, 0, NONCE, null);
    for (let i = 0; i < NONCE; i++) masked[i] ^= mask[i];
    const rest = new Uint8Array(8);
    let known = 0; // assertions of the tests that have to be heard of
    for (let i = 0, size = readSync(plan, rest, 0, 8, null); i < size; i++) known = 10 * known + rest[i] - 48;
    fs.closeSync(random);
    fs.closeSync(plan);
    unlinkSync("plan.json");
    return [mask, masked, known];
  };
  const [mask, masked, known] = take();
  const heard = new Uint8Array(known);
  const report = () => {
    const line = new Uint8Array(NONCE + 6);
    line[0] = 10;
    for (let i = 0; i < NONCE; i++) line[i + 1] = mask[i] ^ masked[i];
    const end = [9, 101, 110, 100, 10]; // tab, "end", line break
    for (let i = 0; i < 5; i++) line[NONCE + 1 + i] = end[i];
    writeSync(1, line);
  };

  const fail = (error) => {
    try {
      writeSync(2, inspect(error) + "\n");
    } finally {
      leave(1);
    }
  };

  // What assertions are made of stays as it is.
  const check = (condition, ...message) => {
    if (!condition) throw new AssertionError({ message: message.map(String).join(" ") || "console.assert" });
  };
  fix(console, "assert", check);
  for (const owner of [assert, assert.strict]) {
    for (const name of getOwnPropertyNames(owner)) {
      if (typeof owner[name] === "function" && name !== "prototype") freeze(owner[name]);
    }
    freeze(owner);
  }
  freeze(AssertionError.prototype);
  fix(require("module"), "_load", _load);
  fix(getPrototypeOf(module), "require", module.require);

  // What tests compute with is what it was, whatever the program has put in its place. What a program may well extend
  // (the prototypes of its own objects' classes) can be changed again by it while the tests run.
  const owners = [Math, JSON, Object, Reflect, Array, Number, String, Promise, Symbol];
  const prototypes = [Array, Map, Set, Promise, String, Number, RegExp, Function].map((each) => each.prototype);
  const original = [...owners, ...prototypes].flatMap((owner) =>
    Reflect.ownKeys(owner)
      .map((name) => [owner, name, Object.getOwnPropertyDescriptor(owner, name)])
      .filter(([, , had]) => typeof had.value === "function" && had.writable && had.configurable)
  );
  const constructors = ["Math", "JSON", "Object", "Reflect", "Array", "Number", "String", "Promise", "Map", "Set", "Error"];
  const named = constructors.map((name) => [globalThis, name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  const { getOwnPropertyDescriptor, is } = Object;
  const restore = () => {
    for (let i = 0; i < named.length; i++) defineProperty(named[i][0], named[i][1], named[i][2]);
    for (let i = 0; i < original.length; i++) {
      const [owner, name, had] = original[i];
      const now = getOwnPropertyDescriptor(owner, name);
      if (!now || !is(now.value, had.value)) defineProperty(owner, name, had);
    }
    for (let i = 0; i < 3; i++) freeze(owners[i]);
  };

  // Errors that nobody catches end the program, whatever it listens to.
  process.setUncaughtExceptionCaptureCallback(fail);
  fix(process, "setUncaughtExceptionCaptureCallback", refuse);
  fix(process, "_fatalException", process._fatalException);

  // No debugger, heap snapshot or second thread that could look in here.
  process.on("SIGUSR1", () => {});
  for (const name of ["binding", "_linkedBinding", "_debugProcess", "dlopen"]) fix(process, name, refuse);
  fix(require("inspector").Session.prototype, "connect", refuse);
  fix(require("inspector"), "open", refuse);
  for (const name of ["getHeapSnapshot", "writeHeapSnapshot"]) fix(require("v8"), name, refuse);
  fix(require("worker_threads"), "Worker", refuse);
  require("module").syncBuiltinESMExports();

  // The loop has run empty. An event that the program made itself changes nothing: what is still to come comes first.
  const MOST = 10000; // times that something is left although the loop has run empty
  let through = false;
  let ended = false;
  let left = 0;
  const quiet = () => {
    const active = getActiveResourcesInfo();
    for (let i = 0; i < active.length; i++) if (active[i] !== "PipeWrap" && active[i] !== "TTYWrap") return false;
    return true;
  };
  const counted = () => {
    let count = 0;
    for (let i = 0; i < known; i++) count += heard[i];
    if (count < known) fail(new Error(`${count} of ${known} assertions of the tests were reached`));
  };
  const verify = () => {
    if (ended || (!quiet() && ++left < MOST)) return;
    if (process.exitCode) leave(Number(process.exitCode) || 1); // as node would, now that nothing is left to do
    if (!through || left >= MOST) fail(new Error("the program waits for something that never comes"));
    counted();
    ended = true;
    report();
  };
  const exitOfTests = (code) => {
    const status = code === undefined || code === null ? process.exitCode || 0 : Number(code);
    if (status !== 0) leave(status || 1);
    process.emit("exit", 0);
    if (process.exitCode) leave(Number(process.exitCode) || 1);
    counted();
    ended = true;
    report();
    leave(0);
  };
  const processOfTests = new Proxy(process, {
    get: (target, name) => (name === "exit" ? exitOfTests : Reflect.get(target, name)),
    set: (target, name, value) => Reflect.set(target, name, value),
  });
  process.on("beforeExit", () => {
    if (!ended) later(verify);
  });

  const script = (source, filename) => {
    const importModuleDynamically = constants && constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    return new Script(source, { filename, importModuleDynamically });
  };
  // What a CommonJS module has, for a text that is run otherwise.
  const provide = (main) => {
    const own = { exports: {} };
    const names = { module: own, exports: own.exports, require: createRequire(main) };
    Object.assign(globalThis, names, { __filename: main, __dirname: path.dirname(main) });
  };
  const runTests = (tests) => {
    restore();
    const { require, console } = given;
    // no parameter of a function that is running: those can be had from outside
    const wrapped = `((process, xinstruct_heard) => function (require, console) {${tests}\n})`;
    script(wrapped, "tests.js").runInThisContext()(processOfTests, hear)(require, console);
  };
  // A module may return early, and nobody would see the tests that come after; a script may not.
  const whole = (source, main) => {
    try {
      script(source, main);
    } catch (error) {
      if (String(error).includes("Illegal return")) fail(error);
    }
  };

  const hear = (number) => {
    heard[number] = 1;
  };
  if (known > 0 && !fs.existsSync("tests.js")) fix(globalThis, "xinstruct_heard", hear);
  const main = path.resolve(fs.existsSync("program.mjs") ? "program.mjs" : "program.js");
  process.argv[1] = main;
  const tests = fs.existsSync("tests.js") ? fs.readFileSync("tests.js", "utf8") : null;
  if (tests !== null) unlinkSync("tests.js");
  const given = { require: createRequire(main), console };
  for (const name of ["console", "require"]) fix(globalThis, `xinstruct_${name}`, given[name]); // for TypeScript's tests
  const finish = () => {
    if (tests !== null) runTests(tests);
    through = true;
  };
  if (main.endsWith(".mjs")) {
    provide(main); // the one half of a program may import what the other one requires
    import(main).then(finish).catch(fail);
    return;
  }
  try {
    const source = fs.readFileSync(main, "utf8");
    if (tests === null) {
      whole(source, main);
      _load(main, null, true);
    } else {
      provide(main);
      script(source, main).runInThisContext();
    }
    finish();
  } catch (error) {
    fail(error);
  }
})();
