#!/usr/bin/env bash
# What a user of hvo-bench savings relies on: results, files, messages, exit codes. Usage: savings.sh HVO_BENCH
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1" savings)

# value DESIGN KEY: a number of a design's row in the JSON.
value() {
  awk -v name="\"$1\"," -v key="\"$2\":" '$1 == "\"name\":" { on = $2 == name } on && $1 == key { gsub(/,/, ""); print $2 }' \
    "$dir/all.json"
}

expect 0 --memory 2GiB --json "$dir/all.json"
narrow 72
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
  says .
done
expect 3 --memory 256TiB
says 'need [0-9.]* GiB .* and [0-9.]* GiB are available'
expect 3 --memory 2GiB --json "$dir/nowhere/all.json"
says nowhere

# Ctrl-C: what was built is printed, the file is whole.
interrupt 3 --memory 2GiB --rounds 1000 --json "$dir/part.json"
grep -q '^interrupted' "$dir/out" || fail "SIGINT: no word of it"
grep -q '"interrupted": true' "$dir/part.json" || fail "SIGINT: no JSON"
no_temporaries

finish
