#!/usr/bin/env bash
# What a user of `hvo-stress zoo` and `try` relies on: exit codes, messages, files. Usage: zoo.sh HVO_STRESS
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1")
cd "$dir" || exit 1
shows() { grep -q -- "$1" "$dir/out" || fail "no '$1' in: $(head -n 40 "$dir/out")"; }

for command in zoo try; do
  expect 0 "$command" --help
  narrow 100
done

# ---- what is not known is refused in one line, with what is
expect 2 zoo nonsense
says "known: Z1 to Z38, split-page"
expect 2 zoo Z29
says "Z29 can't be shown: .*configuration"
expect 2 zoo Z36 --detectors explore-sc
says "needs weak memory"
expect 2 zoo --detectors nonsense
says "known: explore-sc, explore-weak, run, host, tsan"
expect 2 zoo --budget never
says "90s, 10m or 1h"
expect 2 zoo --seeds 0
says "--seeds"
expect 2 zoo --tsan /no/such/program
says "can't be run"
expect 2 zoo Z2 --pairs 1
says "no two of these"
expect 3 zoo Z2 --json /no/such/folder/f.json
says "can't write"
expect 2 zoo Z2 --json same --markdown same
says "one file"
expect 2 try nonsense
says "known"
expect 2 try fake-head --against fake-head
says "beside itself"

# ---- what would be run
expect 0 zoo --list
narrow 72
shows "^Z38"
shows "not shown"
expect 0 zoo --list Z2
shows "explore-sc: explore --scenario optimise+optimise"

# ---- a bug, found; its files whole
expect 0 zoo split-recheck --seeds 2 --limit 20 --detectors explore-sc --quiet --json z.json --markdown z.md
narrow 72
shows "2/2"
shows "conservation"
shows "0 false alarms"
[[ ! -s $dir/err ]] || fail "--quiet is not: $(cat "$dir/err")"
grep -q '"rows_caught": 1' z.json || fail "no catch in the JSON"
grep -q '^### Z2: ' z.md || fail "no chapter in the page"
grep -q '^    ./hvo explore --scenario optimise+optimise --without split-recheck --seed' z.md || fail "no command in the page"
grep -q 'VIOLATION conservation' z.md || fail "no story in the page"
no_temporaries

# ---- a budget too short for all says so
expect 7 zoo --budget 0.001 --quiet
shows "no time for: "
shows "the budget was too"

# ---- two at once
expect 0 zoo split-recheck split-page --pairs 1 --limit 20 --quiet
shows "split-page.*split-recheck\|split-recheck.*split-page"
shows "1 of 1 pairs (seed 1): 1 told"

# ---- an interrupt tells what is known, kills the child, ends with 130
interrupt 1 zoo Z2 Z34 --seeds 10000 --quiet
shows "interrupted"
no_temporaries

finish
