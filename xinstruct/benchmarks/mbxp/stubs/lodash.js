// Stands in for the one function of lodash that the tests call.
(() => {
  const same = (left, right, seen) => {
    if (left === right || (left !== left && right !== right)) return true;
    if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
    const kind = Object.prototype.toString.call(left);
    if (kind !== Object.prototype.toString.call(right)) return false;
    if (seen.get(left) === right) return true;
    seen.set(left, right);
    if (kind === "[object Number]" || kind === "[object String]" || kind === "[object Boolean]" || kind === "[object Date]") {
      return same(left.valueOf(), right.valueOf(), seen);
    }
    if (kind === "[object RegExp]") return String(left) === String(right);
    if (left instanceof Map) return unordered([...left], [...right], seen);
    if (left instanceof Set) return unordered([...left], [...right], seen);
    if (Array.isArray(left) && left.length !== right.length) return false;
    if (!Array.isArray(left) && left.constructor !== right.constructor) return false;
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every((key) => Object.prototype.hasOwnProperty.call(right, key) && same(left[key], right[key], seen))
    );
  };
  const unordered = (left, right, seen) => {
    const rest = [...right];
    return (
      left.length === rest.length &&
      left.every((one) => {
        const at = rest.findIndex((other) => same(one, other, seen));
        return at >= 0 && rest.splice(at, 1).length === 1;
      })
    );
  };
  const lodash = { isEqual: (left, right) => same(left, right, new Map()) };
  const load = require;
  require = (name) => (name === "lodash" ? lodash : load(name));
})();
