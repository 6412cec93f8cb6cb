// node -e THIS TSC FLAGS SOURCE FOLDER...: SOURCE of every folder in one compiler run. Writes each folder's diagnostics to
// compile.txt and its exit status to compile.status. As long as a file has a syntax error (TS1000 to TS1999), the compiler
// says nothing of the types in any other, so that the others are compiled again without it.
const { spawnSync } = require("child_process");
const fs = require("fs");
const path = require("path");
const [tsc, flags, ...rest] = process.argv.slice(1);
const at = rest.indexOf("--");
const sources = rest.slice(0, at);
const folders = rest.slice(at + 1);
const files = folders.map((folder, i) => path.join(folder, sources[i]));

// The lines about each of these files, by its path.
function compiled(files) {
  const run = spawnSync(tsc, [...JSON.parse(flags), ...files], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (run.error || run.signal) {
    console.error(String(run.error || run.signal));
    process.exit(70);
  }
  const found = new Map(files.map((file) => [path.resolve(file), []]));
  let current = null;
  for (const line of (run.stdout + run.stderr).split("\n")) {
    const head = /^(.+?)\(\d+,\d+\): /.exec(line);
    if (head) current = found.get(path.resolve(head[1]));
    else if (!/^\s/.test(line)) current = null;
    if (current) current.push(head ? path.basename(head[1]) + line.slice(head[1].length) : line);
  }
  return found;
}

const found = new Map();
for (let left = files, broken = files; left.length && broken.length; ) {
  for (const [file, lines] of compiled(left)) found.set(file, lines);
  broken = left.filter((file) => found.get(path.resolve(file)).some((line) => /^\S.*: error TS1\d{3}: /.test(line)));
  left = left.filter((file) => !broken.includes(file));
}
folders.forEach((folder, i) => {
  const lines = found.get(path.resolve(files[i]));
  fs.writeFileSync(path.join(folder, "compile.txt"), lines.join("\n") + (lines.length ? "\n" : ""));
  const made = fs.existsSync(files[i].replace(/\.ts$/, ".js"));
  fs.writeFileSync(path.join(folder, "compile.status"), lines.length || !made ? "2" : "0");
});
