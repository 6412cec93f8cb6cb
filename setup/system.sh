#!/usr/bin/env bash
# Installs the toolchains that are missing, from Debian's packages, when run as root; otherwise says
# what is missing and goes on: a language without its toolchain is left out later, by name.
# With the argument "extra" the toolchains of the languages beyond the paper's eight, which no stage needs.
# Leaves out everything that lives inside the project folder (see the Makefile).
set -euo pipefail

# binary (or file) that must exist : Debian packages that bring it : what for
NEEDED=(
    "git:git:versions"
    "g++:g++:C++"
    "node:nodejs:JavaScript and TypeScript"
    "npm:npm:TypeScript compiler"
    "javac:default-jdk-headless:Java"
    "php:php-cli:PHP"
    "/usr/share/doc/php-mbstring:php-mbstring:PHP's strings of characters"
    "/usr/share/doc/php-bcmath:php-bcmath php-gmp:PHP's large numbers"
    "mcs:mono-mcs mono-runtime libmono-system-core4.0-cil libmono-system-numerics4.0-cil:C#"
    "mono:mono-runtime:C#"
    "/usr/share/java/javatuples.jar:libjavatuples-java:Java benchmarks"
    "bwrap:bubblewrap:the sandbox"
    "mold:mold:fast C++ linking"
    "bc:bc:Bash programs"
    "jq:jq:Bash programs"
    "gawk:gawk:Bash programs"
    "xz:xz-utils:source archives"
)
# Looked for where the sandbox looks: a shim in somebody's home is of no use there.
EXTRA=(
    "/usr/bin/go:golang-go:Go"
    "/usr/bin/rustc:rustc:Rust"
    "/usr/bin/ruby:ruby:Ruby"
    "/usr/share/doc/ruby-test-unit:ruby-test-unit:Ruby benchmarks"
    "/usr/bin/gcc:gcc libc6-dev:C"
    "/usr/bin/lua5.4:lua5.4:Lua"
    "/usr/share/lua/5.4/luaunit.lua:lua-unit:Lua benchmarks"
    "/usr/bin/perl:perl:Perl"
    "/usr/share/perl5/Test/Deep.pm:libtest-deep-perl:Perl benchmarks"
)
case ${1:-} in
    "") what="system packages" ;;
    extra) what="toolchains of further languages" NEEDED=("${EXTRA[@]}") ;;
    *) echo "usage: $0 [extra]" >&2 && exit 2 ;;
esac

present() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null 2>&1 ;; esac; }

packages=()
for entry in "${NEEDED[@]}"; do
    IFS=: read -r binary debs purpose <<<"$entry"
    if ! present "$binary"; then
        echo "missing: $binary ($purpose), from: $debs"
        read -ra names <<<"$debs"
        packages+=("${names[@]}")
    fi
done
python=${PYTHON:-python3}
if [ "$what" = "system packages" ] && ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    if command -v "$python" >/dev/null 2>&1; then
        echo "missing: the venv module of $python"
        packages+=("$(basename "$(readlink -f "$(command -v "$python")")")-venv")
    else
        echo "missing: $python, or this user may not start it"
        packages+=(python3 python3-venv)
    fi
fi

if [ ${#packages[@]} -eq 0 ]; then
    echo "$what: all there"
    exit 0
fi
install=(apt-get install -y --no-install-recommends "${packages[@]}")
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "not root (or no apt-get here): going on with what is there. To add the rest:"
    echo "    sudo ${install[*]}"
    exit 0
fi
echo "installing: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"${install[@]}" >"$log" 2>&1 || {
    tail -n 20 "$log"
    echo "apt-get failed; run it by hand to see why: ${install[*]}"
    exit 1
}
