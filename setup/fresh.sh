#!/usr/bin/env bash
# The README's two commands from nothing: HEAD cloned into a temporary folder, an empty HOME, empty caches, no work/.
#
#   bash setup/fresh.sh [FOLDER]     FOLDER: where to clone to (default: a new temporary folder, removed when all is well)
#
# NO_TESTS=1 leaves `make test` out; RECORDED=NAME runs `make recorded NAME=NAME` in place of make repro and the tests.
# Prints the time of each step; the whole log stands in FOLDER/log. What apt has installed on this machine stays:
# that the list of packages is complete is seen on a new machine only (the log says what was installed, and what was there).
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
place=${1:-$(mktemp -d "${TMPDIR:-/tmp}/xinstruct-fresh.XXXXXX")}
mkdir -p "$place/home" "$place/cache" "$place/site"
log=$place/log
git clone --quiet --no-hardlinks "$project" "$place/xinstruct"
cd "$place/xinstruct"
echo "fresh clone of $(git log -1 --format=%h) in $place, $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)" | tee "$log"

# What a login without any history has: nothing of this shell's Python, caches, models or settings of ours.
clean=(HOME="$place/home" XDG_CACHE_HOME="$place/cache" DVC_SITE_CACHE_DIR="$place/site")
for name in $(compgen -e); do
    case $name in
        VIRTUAL_ENV | PYTHON* | XINSTRUCT_* | HF_* | TRANSFORMERS_* | DVC_* | XDG_* | MAKE* | MFLAGS) clean=(-u "$name" "${clean[@]}") ;;
    esac
done

step() {
    local begun=$SECONDS status=0
    echo "== $*" >>"$log"
    env "${clean[@]}" "$@" >>"$log" 2>&1 </dev/null || status=$?
    local took=$((SECONDS - begun))
    printf '%-28s %s in %d:%02d\n' "$*" "$([ $status = 0 ] && echo done || echo "FAILED ($status)")" $((took / 60)) $((took % 60)) |
        tee -a "$log"
    [ $status = 0 ] || { tail -n 40 "$log"; echo "the whole log: $log"; exit $status; }
}

step make setup
if [ -n "${RECORDED:-}" ]; then
    step make recorded NAME="$RECORDED"
    grep -E '^  (equal|differs|not made) |^[0-9]+ of [0-9]+ outputs' "$log"
    [ -n "${1:-}" ] || rm -rf "$place"
    exit
fi
step make repro
git diff --stat -- dvc.lock reports | tee -a "$log" # nothing: the same bytes as the committed run
step make repro # has nothing to do
[ -n "${NO_TESTS:-}" ] || step make test
tail -n 3 "$log"
mkdir -p "$project/build" && cp "$log" "$project/build/fresh.log" && git diff -- dvc.lock >"$project/build/fresh.lock.diff"
[ -n "${1:-}" ] || rm -rf "$place"
