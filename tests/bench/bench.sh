#!/usr/bin/env bash
# What a user of hvo-bench relies on: every arm runs, files, messages. Usage: bench.sh HVO_BENCH
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1")

expect 0 --list
grep -q '^compound_head/' "$dir/out" || fail "--list names no lookup"
arms=$(wc -l <"$dir/out")

expect 0 --quick --json "$dir/all.json"
grep -q 'Summary' "$dir/out" || fail "--quick ends without a summary"
python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/all.json" 2>/dev/null ||
  grep -q '"ratios"' "$dir/all.json" || fail "--json wrote no ratios"
((arms > 50)) || fail "--list names only $arms arms"
narrow 100

grep -qE ' (met|missed)$' "$dir/out" && fail "--quick judges goals"

expect 2 --nonsense
expect 2 --rounds 0
expect 2 --hugepages 0
expect 3 --quick --json "$dir/nowhere/all.json"
[[ ! -s $dir/out ]] || fail "it measured before it knew that the file can't be written"
no_temporaries

# Ctrl-C: what was measured is printed, the file is whole.
interrupt 3 --quick --summary --rounds 10001 --json "$dir/part.json"
grep -q '^interrupted' "$dir/out" || fail "SIGINT: no summary of what was measured"
grep -q '"ratios"' "$dir/part.json" || fail "SIGINT: no JSON"

# start: runs the tool in the background until its file is there, which a link names that points to nothing yet.
start() {
  ln -sf missing.json "$dir/link.json"
  "${tool[@]}" --quick --table --benchmark_min_time=60 --json "$dir/link.json" >"$dir/out" 2>"$dir/err" &
  pid=$!
  for ((i = 0; i < 200; ++i)); do
    if [[ -e $dir/missing.json.tmp ]]; then break; fi
    sleep 0.05
  done
}
# ended CODE WHAT: what start began ends so, and nothing is left.
ended() {
  local code=0
  wait "$pid" || code=$?
  [[ $code == "$1" ]] || fail "$2: exit code $code, not $1"
  [[ -z $(find "$dir" -name '*.tmp*') && -L $dir/link.json && ! -e $dir/missing.json ]] || fail "$2: a file was left"
}
start
kill -INT "$pid"
kill -TERM "$pid" # another signal at once: neither waits for the measuring, nor do two become one
ended 130 "a second Ctrl-C"
ulimit -c 0
start
kill -ABRT "$pid"
ended 5 crash
grep -q 'hvo-bench: crash: SIGABRT' "$dir/err" || fail "crash: not said"

# A link that points to nothing yet keeps pointing.
ln -sf late.json "$dir/late-link.json"
expect 0 --quick --table --benchmark_filter=host/ --json "$dir/late-link.json"
[[ -L $dir/late-link.json ]] || fail "a dangling link was replaced by a file"
grep -q '"table"' "$dir/late.json" || fail "nothing was written where a dangling link points"

# What can't be printed is said.
if [[ -c /dev/full ]]; then
  code=0
  "${tool[@]}" --list >/dev/full 2>"$dir/err" || code=$?
  [[ $code == 3 ]] || fail "full disk: exit code $code, not 3"
fi

finish
