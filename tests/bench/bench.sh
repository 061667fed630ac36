#!/usr/bin/env bash
# What a user of hvo-bench relies on: every arm runs, files, messages. Usage: bench.sh HVO_BENCH
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
  "$tool" "$@" >"$dir/out" 2>"$dir/err" || code=$?
  [[ $code == "$wanted" ]] && return
  fail "$*: exit code $code, not $wanted"
  tail -n 20 "$dir/out" "$dir/err"
}

expect 0 --list
grep -q '^compound_head/' "$dir/out" || fail "--list names no lookup"
arms=$(wc -l <"$dir/out")

expect 0 --quick --json "$dir/all.json"
grep -q 'Summary' "$dir/out" || fail "--quick ends without a summary"
python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/all.json" 2>/dev/null ||
  grep -q '"ratios"' "$dir/all.json" || fail "--json wrote no ratios"
((arms > 50)) || fail "--list names only $arms arms"
awk 'length($0) > 100 { exit 1 }' "$dir/out" || fail "a line is longer than 100 columns"

expect 2 --nonsense
expect 3 --quick --json "$dir/nowhere/all.json"
[[ ! -s $dir/out ]] || fail "it measured before it knew that the file can't be written"
[[ -z $(find "$dir" -name '*.tmp*') ]] || fail "a temporary file is left"

# Ctrl-C: what was measured is printed, the file is whole.
"$tool" --quick --summary --rounds 10001 --json "$dir/part.json" >"$dir/out" 2>"$dir/err" &
pid=$!
sleep 3
kill -INT "$pid"
code=0
wait "$pid" || code=$?
[[ $code == 130 ]] || fail "SIGINT: exit code $code, not 130"
grep -q '^interrupted' "$dir/out" || fail "SIGINT: no summary of what was measured"
grep -q '"ratios"' "$dir/part.json" || fail "SIGINT: no JSON"

exit "$failed"
