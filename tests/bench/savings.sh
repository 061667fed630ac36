#!/usr/bin/env bash
# What a user of hvo-bench savings relies on: results, files, messages, exit codes. Usage: savings.sh HVO_BENCH
set -u
tool=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
  printf 'FAIL %s\n' "$*"
  failed=1
}
# expect CODE ARG...: runs the tool; its exit code is that.
expect() {
  local wanted=$1 code=0
  shift
  "$tool" savings "$@" >"$dir/out" 2>"$dir/err" || code=$?
  [[ $code == "$wanted" ]] && return
  fail "$*: exit code $code, not $wanted"
  tail -n 20 "$dir/out" "$dir/err"
}
# one_line: what was said is one line on stderr, and nothing on stdout.
one_line() {
  [[ $(wc -l <"$dir/err") == 1 && ! -s $dir/out ]] || fail "$*: not one clear line"
}
# value DESIGN KEY: a number of a design's row in the JSON.
value() {
  awk -v name="\"$1\"," -v key="\"$2\":" '$1 == "\"name\":" { on = $2 == name } on && $1 == key { gsub(/,/, ""); print $2 }' \
    "$dir/all.json"
}

expect 0 --memory 2GiB --json "$dir/all.json"
awk 'length($0) > 72 { exit 1 }' "$dir/out" || fail "a line is wider than 72 columns"
grep -q '^two-frame -> fake-head: 4 MiB more returned, measured' "$dir/out" || fail "the claim is not measured"
if command -v python3 >/dev/null; then
  python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/all.json" || fail "the JSON does not parse"
fi
for row in none:0 two-frame:6 fake-head:7 fake-head-rcu:7; do
  [[ $(value "${row%:*}" frames_saved) == $((1024 * ${row#*:})) ]] || fail "${row%:*}: not ${row#*:} frames a hugepage"
done

expect 0 --memory 2GiB --hugepage 1G --design 6.12 --rounds 2
grep -q '^fake-head-rcu ' "$dir/out" || fail "a kernel version is no design"
expect 0 --help

for bad in "--memory lots" "--memory 1GB" "--memory 3K" "--hugepage 3M" "--design nobody" "--rounds 0" "--nonsense"; do
  # shellcheck disable=SC2086 # two words
  expect 2 $bad
  one_line "$bad"
done
expect 3 --memory 256TiB
one_line "too much memory"
grep -qE 'need [0-9.]+ GiB .* and [0-9.]+ GiB are available' "$dir/err" || fail "a refusal without the numbers"
expect 3 --memory 2GiB --json "$dir/nowhere/all.json"
one_line "a file that can't be written"

# Ctrl-C: what was built is printed, the file is whole.
"$tool" savings --memory 2GiB --rounds 1000 --json "$dir/part.json" >"$dir/out" 2>"$dir/err" &
pid=$!
sleep 3
kill -INT "$pid"
code=0
wait "$pid" || code=$?
[[ $code == 130 ]] || fail "SIGINT: exit code $code, not 130"
grep -q '^interrupted' "$dir/out" || fail "SIGINT: no word of it"
grep -q '"interrupted": true' "$dir/part.json" || fail "SIGINT: no JSON"
[[ -z $(find "$dir" -name '*.tmp*') ]] || fail "a temporary file is left"

exit "$failed"
