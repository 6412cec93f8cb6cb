// Calls the function of the answer on each argument list of plan.json and prints what it returned.
// The answer is answer.mjs (a module with import or export) or answer.js (anything else).
"use strict";
(async () => {
  const fs = require("fs");
  const path = require("path");
  require("v8").setFlagsFromString("--random-seed=" + (process.env.XINSTRUCT_SEED & 0x7fffffff || 1)); // of Math.random
  const { stringify } = JSON;
  const { isInteger } = Number;
  const { isArray } = Array;
  const { writeSync } = fs;
  const { exit } = process;
  const LONGEST = 100000; // items taken from an iterator that may not end

  const emit = (text) => {
    let data = Buffer.from("\n" + text + "\n");
    while (data.length) {
      try {
        data = data.subarray(writeSync(1, data));
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
      }
    }
  };

  const SPECIAL = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
  const decode = (kind, value) => {
    switch (kind[0]) {
      case "optional": return value === null ? null : decode(kind[1], value);
      case "list": return value.map((item) => decode(kind[1], item));
      case "tuple": return value.map((item, i) => decode(kind[i + 1], item));
      case "float": return typeof value === "string" ? SPECIAL[value] : value;
      case "dict": {
        const pairs = value.map(([k, v]) => [decode(kind[1], k), decode(kind[2], v)]);
        return kind[1][0] === "string" || kind[1][0] === "int" ? Object.fromEntries(pairs) : new Map(pairs);
      }
      default: return value;
    }
  };

  const number = (value) => {
    if (value !== value) return '"NaN"';
    if (value === Infinity) return '"Infinity"';
    if (value === -Infinity) return '"-Infinity"';
    return isInteger(value) ? BigInt(value).toString() : String(value);
  };

  // The declared kind only tells a dict from a list of pairs, and an int key from text.
  const encode = (kind, value) => {
    if (kind && kind[0] === "optional") kind = kind[1];
    if (value === null || value === undefined) return "null";
    switch (typeof value) {
      case "boolean": return value ? "true" : "false";
      case "string": return stringify(value);
      case "number": return number(value);
      case "bigint": return value.toString();
      case "object": break;
      default: throw new TypeError("a result of type " + typeof value + " has no neutral form");
    }
    if (value instanceof String || value instanceof Number || value instanceof Boolean) {
      return encode(kind, value.valueOf());
    }
    if (value instanceof Map) return pairs(kind, [...value]);
    const inner = kind && (kind[0] === "list" ? () => kind[1] : kind[0] === "tuple" ? (i) => kind[i + 1] : null);
    if (isArray(value) || typeof value[Symbol.iterator] === "function") {
      const items = [];
      for (const item of value) {
        if (items.length >= LONGEST) throw new TypeError("the result does not end");
        items.push(encode(inner ? inner(items.length) : undefined, item));
      }
      return "[" + items.join(",") + "]";
    }
    return pairs(kind, Object.entries(value).map(([k, v]) => [fromKey(kind, k), v]));
  };
  const fromKey = (kind, key) =>
    kind && kind[0] === "dict" && kind[1][0] === "int" && /^-?\d+$/.test(key) ? Number(key) : key;
  const pairs = (kind, entries) => {
    const dict = kind && kind[0] === "dict";
    const text = entries.map(
      ([k, v]) => "[" + encode(dict ? kind[1] : undefined, k) + "," + encode(dict ? kind[2] : undefined, v) + "]");
    return "[" + text.join(",") + "]";
  };

  const describe = (error) => {
    let text;
    try {
      text = String(error && error.name && error.message !== undefined ? error.name + ": " + error.message : error);
    } catch (_) {
      text = "error";
    }
    return text.replace(/\s+/g, " ").slice(0, 300);
  };

  const plan = JSON.parse(fs.readFileSync("plan.json", "utf8"));
  try {
    fs.unlinkSync("plan.json");
  } catch (_) {
    // a read-only folder: the nonce stays readable, nothing else changes
  }
  const { nonce, name, params, returns, args } = plan;
  const load = async () => {
    const esm = path.resolve("answer.mjs");
    if (!fs.existsSync(esm)) return require(path.resolve("answer.js"));
    globalThis.require = require("module").createRequire(esm);
    globalThis.module = { exports: {} };
    globalThis.exports = globalThis.module.exports;
    const loaded = await import(esm);
    return { ...globalThis.module.exports, ...loaded };
  };
  const pick = (found) => {
    const places = [found.xinstruct_answer_, found[name], found.default, found.default && found.default[name], found];
    return places.find((place) => typeof place === "function");
  };
  const call = pick((await load()) || {});
  if (!call) throw new ReferenceError("the answer defines no function " + name);
  for (let i = 0; i < args.length; i++) {
    let text;
    try {
      text = encode(returns, await call(...args[i].map((value, at) => decode(params[at], value))));
    } catch (error) {
      text = "!" + describe(error);
    }
    emit(nonce + "\t" + i + "\t" + text);
  }
  emit(nonce + "\tend");
  exit(0);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
