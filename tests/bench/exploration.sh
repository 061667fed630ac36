#!/usr/bin/env bash
# What a user of hvo-bench exploration relies on: results, files, messages, exit codes. Usage: exploration.sh HVO_BENCH
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1" exploration)

expect 0 --quick --json "$dir/all.json"
narrow 72
grep -qE '^restore\+lookup dfs:8 sc +[0-9]+ \[[0-9]+ [0-9]+\] +[0-9]+' "$dir/out" || fail "no rate of the depth-first search"
grep -qE '^restore\+lookup random:64 weak ' "$dir/out" || fail "no rate of weak memory"
grep -qE ' (met|missed)$' "$dir/out" && fail "--quick judges goals"
grep -q '"median"' "$dir/all.json" || fail "--json wrote no medians"
if command -v python3 >/dev/null; then
  python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$dir/all.json" || fail "the JSON does not parse"
fi
[[ ! -e hvo-schedule.json ]] || fail "what hvo-stress found was left here"
expect 0 --help

for bad in "--rounds 2" "--rounds many" "--nonsense"; do
  # shellcheck disable=SC2086 # two words
  expect 2 $bad
  says .
done
expect 3 --quick --json "$dir/nowhere/all.json"
says nowhere

# Alone it has nothing to measure.
mkdir "$dir/alone"
cp "$1" "$dir/alone/hvo-bench"
tool=("$dir/alone/hvo-bench" exploration)
expect 3 --quick
says 'no hvo-stress'

# Ctrl-C: what was measured is printed, the file is whole.
tool=("$1" exploration)
interrupt 3 --rounds 1001 --json "$dir/part.json"
grep -q '^interrupted' "$dir/out" || fail "SIGINT: no word of it"
grep -q '"drives"' "$dir/part.json" || fail "SIGINT: no JSON"
no_temporaries

finish
