#!/usr/bin/env bash
# What a user of hvo-bench compare, counts, operations and report relies on. Usage: compare.sh HVO_BENCH
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1")

expect 0 compare --help
narrow 100
expect 0 compare --list
for design in fake-head/off@2M fake-head/all@4K fake-head/half@4K shared-tail/all@4K two-frame/all@4K fake-head-flag/on@2M; do
  grep -q "^  $design\$" "$dir/out" || fail "--list knows no $design"
done

# Told or not, on a busy host; never an error.
expect '0|7' compare --quick --planted --budget 1s --json "$dir/a.json"
narrow 72
grep -q '^on, aligned head' "$dir/out" || fail "no headline"
grep -q '5 about fake-head' "$dir/out" || fail "fewer processes than an interval needs"
for fact in cpu cores smt caches counters governor kernel compiler flags; do
  grep -q "^$fact  " "$dir/out" || fail "compare does not say on what: $fact"
done
grep -v "^Times mean nothing" "$dir/out" >"$dir/first"
no_temporaries
expect '0|7' compare --from "$dir/a.json"
cmp -s "$dir/out" "$dir/first" || fail "--from prints something else than the run did"
expect '0|7' compare --from "$dir/a.json" "$dir/a.json"
grep -q 'Ratios to none: before, after' "$dir/out" || fail "two files are not compared"
narrow 100

expect 2 compare --from "$dir/a.json" --quick
says 'measures nothing'
expect 2 compare --budget soon
expect 2 compare --nonsense
says 'unknown argument'
expect 3 compare --from "$dir/none.json"
says "$dir/none.json"
printf '{"format": 9}' >"$dir/other.json"
expect 3 compare --from "$dir/other.json"
says 'another version'
expect 3 compare --quick --json "$dir/nowhere/a.json"
says 'nowhere'

# Interrupted: what there is is written.
SECONDS=0
interrupt 2 compare --budget 10m --json "$dir/b.json"
((SECONDS < 8)) || fail "an interrupt waited for the process that measures"
grep -q '"interrupted": true' "$dir/b.json" || fail "the file does not say that it was interrupted"

expect 0 operations --quick --json "$dir/operations.json"
narrow 100
grep -q 'demote 1 GiB' "$dir/out" || fail "no demotion"
grep -q '"fake-head-acquire"' "$dir/operations.json" || fail "a design is missing"
expect 2 operations --rounds 1

expect 3 report --stress "$dir/none" --compare "$dir/a.json" --design fake-head
says "$dir/none"
expect 2 report --design fake-head

finish
