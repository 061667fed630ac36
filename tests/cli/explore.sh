#!/usr/bin/env bash
# What a user of `hvo-stress explore` and `replay` relies on: exit codes, messages, files. Usage: explore.sh HVO_STRESS
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1")
# Schedules are saved where the search runs when nobody says where.
cd "$dir" || exit 1
shows() { grep -q -- "$1" "$dir/out" || fail "no '$1' in: $(head -n 40 "$dir/out")"; }
plain() { ! grep -q $'\033' "$dir/out" || fail "escape sequences in a pipe"; }

race=(--scenario lookup+restore --strategy dfs:2 --workers 1 --quiet)
hole=(--scenario recycle+filtered --design fake-head-rcu --find known-hole --workers 1 --quiet)
bug=(--scenario recycle+filtered --design fake-head-acquire --without walker-acquire --flush broadcast --memory weak
  --workers 1 --quiet)

# ---- help
for command in explore replay; do
  expect 0 "$command" --help
  narrow 100
  plain
done
expect 0 explore --help
for option in --scenario --strategy --find --memory --resume --save --json --bisect; do shows "$option"; done

# ---- what is not known is refused in one line, with what is
expect 2 explore --scenario nonsense
says "known: .*lookup.*recycle.*scenarios: mixed"
expect 2 explore --scenario lookup+nonsense
says "known: "
expect 2 explore --design nonsense
says "known: none"
expect 2 explore --find nonsense
says "known: .*self-head"
expect 2 explore --without nonsense
says "known: "
expect 2 explore --strategy nonsense
says "portfolio"
expect 2 explore --strategy pct:99
says "1 to 16"
expect 2 explore --memory strange
says "sc or weak"
expect 2 explore --budget 0
says "--budget"
expect 2 explore --scenario lookup --ops 3
says "--ops"
expect 2 explore --no-such-option

# ---- exit codes
expect 0 explore "${race[@]}"
shows "^complete: every schedule of up to 2 preemptions"
shows "^PASS"
narrow 100
plain
expect 0 explore "${race[@]}" --find self-head
shows "^FOUND: self-head"
shows "^replay: .* replay hvo-schedule.json"
narrow 100
plain
[[ -s hvo-schedule.json ]] || fail "no schedule was saved"
expect 1 explore "${bug[@]}" --save bug.json --json bug-result.json
shows "^VIOLATION"
shows "TRAP"
narrow 100
plain
expect 7 explore "${race[@]}" --find lookup-wrong
shows "^NOT FOUND"
expect 7 explore "${race[@]}" --schedules 3
shows "^INCOMPLETE"

# ---- for git bisect
expect 125 explore "${race[@]}" --schedules 3 --bisect
expect 0 explore "${race[@]}" --find lookup-wrong --bisect
expect 0 explore "${race[@]}" --bisect
expect 1 explore "${bug[@]}" --bisect
expect 125 explore --scenario nonsense --bisect
expect 2 explore --scenario restore+
says "missing"

# ---- files are there whole, or not at all
grep -q '"hvolab_schedule": 1' bug.json || fail "no schedule in bug.json"
grep -q '"VIOLATION\|"violation' bug-result.json || fail "no verdict in bug-result.json"
expect 3 explore "${race[@]}" --json no/such/folder/x.json
says "no/such/folder"
expect 3 explore "${race[@]}" --json /dev/full
no_temporaries

# ---- a saved schedule says the same again, to the bit
expect 0 explore "${hole[@]}" --save hole.json
shows "^shrunk: "
cp "$dir/out" first
expect 0 replay hole.json
narrow 100
plain
shows "^replayed: .* as in the file"
cp "$dir/out" once
expect 0 replay hole.json
cmp -s once "$dir/out" || fail "a replay that is not the same twice"
# The story that the search told is the one that the replay tells.
grep -A 10 '^  step' once >story
grep -qF "$(sed -n 2,9p story)" first || fail "the replay tells another story than the search"
expect 0 replay hole.json --check-determinism
expect 1 replay bug.json

# ---- what shrinking has left of a program is what a replay runs
expect 0 explore --scenario lookup+recycle+walker --design shared-tail --find known-hole --save left.json
shows "^left: .*3 → 2 CPUs"
narrow 100
expect 0 replay left.json
expect 0 explore --scenario walker_vs_remap --cpus 3 --ops 4 --geometry tiny-pages --find known-hole --save left.json
shows "^left: .*CPUs"
narrow 100
expect 0 replay left.json

# ---- a race to split a PMD is told by that PMD, whatever came to harm
expect 1 explore --scenario optimise+optimise --without split-recheck --save split.json
shows "» .*PMD.0. leaf frame . → table"
shows "» .*VIOLATION conservation"

# ---- a schedule that was changed is refused, in one line
changed() {
  sed "$1" hole.json >changed.json
  ! cmp -s hole.json changed.json || fail "nothing was changed by $1"
  expect 2 replay changed.json
  says "$2"
}
changed 's/"start_state": "[^"]*/"start_state": "123/' "another version of the scenario"
changed 's/"end_state": "[^"]*/"end_state": "123/' "did not repeat"
changed 's/"start_state": "[^"]*/&g/' "damaged"
changed 's/"decisions": "[0-9]*/&1/' "did not repeat"
changed 's/"decisions": "\([0-9]*\) 1/"decisions": "\1 9/' "did not repeat"
changed 's/"decisions": ".*"/"decisions": "x"/' "damaged"
changed 's/"hvolab_schedule": 1/"hvolab_schedule": 99/' "format 99"
changed 's/--design fake-head-rcu/--design nonsense/' "unknown"
changed 's/--scenario recycle/--scenery recycle/' "does not know"
head -c 100 hole.json >cut.json
expect 2 replay cut.json
says "is no schedule"
expect 2 replay no-such-file.json
says "can't read"

# ---- the schedule of a seed is the same whoever runs it
expect "0|7" explore --scenario mixed --strategy random:4 --schedules 40 --seed 3 --workers 1 --quiet --json one.json
expect "0|7" explore --scenario mixed --strategy random:4 --schedules 40 --seed 3 --workers 1 --quiet --json two.json
diff <(grep -v second one.json) <(grep -v second two.json) >/dev/null || fail "the same seed, another result"
expect "0|7" explore --scenario mixed --strategy urw --schedules 20 --workers 1 --quiet --check-determinism
shows "20 of 20 schedules ran twice alike"

# ---- an interrupt still prints what was seen, and leaves nothing half-written
"${tool[@]}" explore --scenario restore+restore --strategy dfs:8 --budget 60 --json interrupted.json >"$dir/out" 2>"$dir/err" &
pid=$!
sleep 1.5
kill -INT "$pid"
code=0
wait "$pid" || code=$?
[[ $code == 7 ]] || fail "an interrupted search ends with $code, not 7"
narrow 100
plain
shows "schedules, "
shows "^outcomes"
[[ $(tail -n 1 interrupted.json) == "}" ]] || fail "half a JSON"
[[ ! -e ${TMPDIR:-/tmp}/hvo-explore-$pid.txt ]] || fail "the note of what runs was left behind"
no_temporaries
finish
