#!/usr/bin/env bash
# What a user of ./hvo relies on, without building anything. Usage: front_door.sh ROOT PROGRAM...
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
root=$1
shift

# ---- the exit codes are the same list everywhere
codes() { sed -n '/^Exit codes:/,/\.$/p'; }
"$root/hvo" help | codes >"$dir/codes"
grep -q '130 interrupted' "$dir/codes" || fail "./hvo help lists no exit codes"
for program in "$@"; do
  "$program" --help | codes | cmp -s - "$dir/codes" || fail "$program --help lists other exit codes than ./hvo help"
done

# ---- a build that fails, by a ninja that does: a code of its own, the error shown, the log named
mkdir -p "$dir/hvolab/build/dev" "$dir/bin"
cp "$root/hvo" "$dir/hvolab/"
: >"$dir/hvolab/packages.txt"
: >"$dir/hvolab/build/dev/build.ninja"
cat >"$dir/bin/ninja" <<'EOT'
#!/bin/sh
echo "ninja: Entering directory"
echo "[1/2] compiling"
echo "a.cpp:1: error: no"
exit "$CODE"
EOT
chmod +x "$dir/bin/ninja"
for wanted in 0 1; do
  code=0
  CODE=$wanted PATH=$dir/bin:$PATH HVO_NO_INSTALL=1 "$dir/hvolab/hvo" build dev >"$dir/out" 2>"$dir/err" || code=$?
  [[ $code == "$wanted" ]] || fail "ninja ended with $wanted, ./hvo build with $code"
  [[ ! -s $dir/out ]] || fail "./hvo build prints: $(cat "$dir/out")"
done
grep -q 'error: no' "$dir/err" || fail "the error of a failed build is not shown"
grep -q 'build/dev.log' "$dir/err" || fail "the log of a failed build is not named"

finish
