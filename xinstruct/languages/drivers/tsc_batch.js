// node -e THIS TSC FLAGS SOURCE FOLDER...: one compiler run over SOURCE of every folder. Writes each folder's
// diagnostics to compile.txt and its exit status to compile.status.
const { spawnSync } = require("child_process");
const fs = require("fs");
const path = require("path");
const [tsc, flags, ...rest] = process.argv.slice(1);
const at = rest.indexOf("--");
const sources = rest.slice(0, at);
const folders = rest.slice(at + 1);
const files = folders.map((folder, i) => path.join(folder, sources[i]));
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
folders.forEach((folder, i) => {
  const lines = found.get(path.resolve(files[i]));
  fs.writeFileSync(path.join(folder, "compile.txt"), lines.join("\n") + (lines.length ? "\n" : ""));
  const made = fs.existsSync(files[i].replace(/\.ts$/, ".js"));
  fs.writeFileSync(path.join(folder, "compile.status"), lines.length || !made ? "2" : "0");
});
