#!/usr/bin/env bash
# What a user of hvo-stress relies on: exit codes, messages, files. Usage: stress.sh HVO_STRESS RESULT_CHECK
set -u
# shellcheck source=tests/support/cli.sh
source "$(dirname "${BASH_SOURCE[0]}")/../support/cli.sh"
tool=("$1")
check=$2
# expect CODES WHAT ARG...: runs the tool; its exit code is one of CODES (as 0|7).
expect() {
  local codes=$1 what=$2 code=0
  shift 2
  "${tool[@]}" "$@" >"$dir/out" 2>"$dir/err" || code=$?
  [[ $code =~ ^($codes)$ ]] && return
  fail "$what: exit code $code, not $codes"
  tail -n 30 "$dir/out" "$dir/err"
}
# refuses CODE PATTERN ARG...: exit code, one line on stderr that matches, nothing on stdout.
refuses() {
  local code=$1 pattern=$2
  shift 2
  expect "$code" "$*" "$@"
  grep -q -- "$pattern" "$dir/err" || fail "$*: no '$pattern' in: $(cat "$dir/err")"
  [[ $(wc -l <"$dir/err") == 1 ]] || fail "$*: more than one line on stderr"
  [[ ! -s $dir/out ]] || fail "$*: output before the refusal"
}
# start ARG...: runs the tool in the background until its first line is out and its handlers are there.
start() {
  "${tool[@]}" "$@" >"$dir/out" 2>"$dir/err" &
  pid=$!
  for ((i = 0; i < 200; ++i)); do
    if grep -q '^repeat: ' "$dir/out"; then break; fi
    sleep 0.05
  done
  sleep 0.3
}
# stop SIGNAL CODES: ends what start began.
stop() {
  local code=0
  kill "-$1" "$pid"
  wait "$pid" || code=$?
  [[ $code =~ ^($2)$ ]] || fail "SIG$1: exit code $code, not $2"
}
shows() { grep -q -- "$2" "$dir/$1" || fail "$3: no '$2' in $1"; }
holds() { "$check" "$@" || fail "result_check $*"; }

ulimit -c 0
small=(--pool 2M=4 --memory 64 --quiet)
"${tool[@]}" run --seconds 6 --pool 2M=4 --memory 64 >/dev/null 2>"$dir/status" &
status_pid=$!

# ---- the kernel that runs here, and page tables
expect 0 host host
shows out "^kernel " host
expect 0 "host as JSON" host --json
shows out '"state"' "host as JSON"
expect 0 dump dump --design 5.15,7.1 --nr 3
shows out "7 x" dump
expect 0 "dump of one" dump --design none
refuses 2 "known: none" dump --design nonsense
refuses 2 "unknown geometry" dump --geometry nonsense

# ---- help and lists
expect 0 help --help
shows out run help
expect 0 "help of run" run --help
shows out "Exit codes" "help of run"
for command in run list designs show dump host version; do
  expect 0 "help of $command" "$command" --help
  awk 'length > 100 {print "FAIL longer than 100 columns: " $0; bad = 1} END {exit bad}' "$dir/out" || failed=1
  grep -q ':\|\[1 - ' <(grep '^  --' "$dir/out" | cut -c 1-30) && fail "help of $command shows how options are checked"
done
expect 0 version version
cp "$dir/out" "$dir/version"
expect 0 version --version
cmp -s "$dir/out" "$dir/version" || fail "version and --version differ"
expect 0 list list
shows out split_contention list
shows out shared-tail list
expect 0 "list as JSON" list --json
holds json "$dir/out" /scenarios/0/name mixed
expect 0 designs designs
shows out "^saved per TiB" designs
shows out "arm64-64k *16G" designs
expect 0 "designs as JSON" designs --json
holds json "$dir/out" /designs/0/name none
expect 0 show show --design 6.12
shows out "fake head" show

# ---- what is refused
refuses 2 "subcommand" nonsense
refuses 2 "unknown argument nonsense" run nonsense
refuses 2 "cpus is given more than once" run --cpus 2 --cpus 3
refuses 2 "cpus needs a value" run --cpus
refuses 2 "nr must be 1 to 512" dump --nr 0
refuses 2 "one design, or two" dump --design none,none,none
refuses 2 "unknown scenario.*lookup_vs_restore" run --scenario nonsense
refuses 2 "unknown design.*shared-tail" run --design nonsense
refuses 2 "5.14" run --design 4.19
refuses 2 "unknown geometry.*x86-64" run --geometry nonsense
refuses 2 "unknown safeguard.*reset-struct-pages" run --without nonsense
refuses 2 "cpus must be 1 to 64" run --cpus 0
refuses 2 "cpus must be 1 to 64" run --cpus 1000
refuses 2 "cpus must be" run --cpus x
refuses 2 "threads must be" run --threads 0
refuses 2 "ops must be" run --ops 0
refuses 2 "ops must be" run --ops -5
refuses 2 "seconds must be" run --seconds 0
refuses 2 "seconds must be" run --seconds nan
refuses 2 "contradict" run --seconds 1 --ops 5
refuses 2 "seed must be" run --seed x
refuses 2 "fail-alloc takes" run --fail-alloc often
refuses 2 "fail-alloc takes" run --fail-alloc nth:0
refuses 2 "ipi or broadcast" run --flush never
refuses 2 "never, some or always" run --perturb often
refuses 2 "software or host" run --mmu real
refuses 2 "contradict" run --mmu host --ll-sc
refuses 2 "4 KiB pages" run --mmu host --geometry tiny
refuses 2 "nothing with --mmu host" run --mmu host --without flush-before-free
refuses 2 "no hugepage size.*2M, 1G" run --pool 3M=1
refuses 2 "count of 2M" run --pool 2M=0
refuses 2 "count of 2M" run --pool 2M=99999999999999999999
refuses 2 "names 2M twice" run --pool 2M=1,2M=2
refuses 2 "SIZE=COUNT" run --pool 2M
refuses 2 "needs .* MiB.*there are 64 MiB: give --memory .* or a smaller --pool" run --pool 2M=512 --memory 64
refuses 2 "at most: take a smaller --pool" run --pool 1G=16384
refuses 2 "nothing without --hot-added" run --without self-hosted-check
refuses 2 "never gets there" run --without publish-by-cmpxchg
refuses 2 "wants pools" run --scenario mixed --memory 64
refuses 2 "two results" run --ops 5 --json "$dir/x" --ktap "$dir/x"
refuses 2 "two results" run --ops 5 --json "$dir/x" --junit "$dir/./x"
refuses 2 "is empty" run --ops 5 --json ""
refuses 3 "can't write" run --ops 10 --json "$dir/none/out.json"
refuses 3 "Is a directory" run --ops 10 --junit "$dir"
if (($(awk '/^MemAvailable/ {print $2}' /proc/meminfo) < 200000000)); then # KiB; the machine needs 271366 MiB
  refuses 3 "MiB are available" run --ops 10 --memory 16777216
fi
[[ ! -e $dir/none ]] || fail "unwritable JSON: a file was left"
[[ -z $(find "$dir" -name '*.tmp') ]] || fail "a refused run left a temporary file"

# ---- results
expect '0|7' results run --ops 4000 --seed 7 "${small[@]}" --json "$dir/r.json" --ktap "$dir/r.ktap" --junit "$dir/r.xml"
shows out "^seed 7$" results
shows out "run --pool 2M=4 --memory 64 --ops 4000 --seed 7$" results
shows out "^note: memory is 128 MiB" results
shows out "validate: every round right" results
awk 'length > 72 && !/^repeat:|--rounds/ {print "FAIL longer than 72 columns: " $0; bad = 1} END {exit bad}' "$dir/out" || failed=1
holds json "$dir/r.json" /config/scenario mixed
holds json "$dir/r.json" /seed 7
holds json "$dir/r.json" /config/pools/0/hugepages 4
holds json "$dir/r.json" /outcomes/0/key lookup-right
cases=$(grep -cE '^  (not )?ok ' "$dir/r.ktap")
holds xml "$dir/r.xml" testcase "$cases"
holds ktap "$dir/r.ktap"
[[ -z $(find "$dir" -name '*.tmp') ]] || fail "results: a temporary file was left"
grep -q $'\033' "$dir/out" && fail "colour in a pipe"

# ---- the host's MMU: a store to a tail is a SIGSEGV, seen as the hole that it is; refused where it can't be
if grep -q '"sanitizers": ".*thread' "$dir/r.json"; then
  refuses 3 "ThreadSanitizer's shadow" run --mmu host
else
  expect '0|7' "host MMU" run --mmu host --scenario walker_vs_remap --rounds 4 --quiet --json "$dir/mmu.json"
  shows out "^repeat:.* --mmu host" "host MMU"
  shows out "^ *[1-9][0-9]*  hit .*read-only tail trapped" "host MMU"
  shows out "KNOWN-HOLE" "host MMU"
  shows out "validate: every round right" "host MMU"
  holds json "$dir/mmu.json" /config/mmu host
  expect '0|7' "host MMU, mixed" run --mmu host --rounds 1 --quiet
  shows out "n/a *flush served" "host MMU, mixed"
  shows out "validate: every round right" "host MMU, mixed"
  most=$(($(cat /proc/sys/vm/max_map_count) / 8)) # hugepages of 8 vmemmap pages
  refuses 3 "memory mappings beside.*sysctl vm.max_map_count=" run --mmu host --pool "2M=$most"
fi

# ---- the same seed, one CPU: the same run
for i in 1 2; do
  expect '0|7' "one CPU" run --cpus 1 --ops 2000 --seed 11 --perturb never "${small[@]}" --json "$dir/same$i.json"
  grep -vE '"(seconds|command|peak)"' "$dir/same$i.json" >"$dir/same$i"
done
cmp -s "$dir/same1" "$dir/same2" || fail "one CPU, one seed: two results"

# ---- a planted bug is found, and explained
expect 1 "planted bug" run --scenario lookup_vs_restore --seconds 2 --without reset-struct-pages --quiet --json "$dir/bug.json"
shows out "bad-page$" "planted bug"
shows out "A struct page was not in the state" "planted bug"
shows out "repeat the first bad round" "planted bug"
holds json "$dir/bug.json" /verdict violation
holds json "$dir/bug.json" /exit_code 1
# A run that went on to its end would not get there in the time of this test.
expect 1 "first find" run --scenario lookup_vs_restore --seconds 1000 --stop-at-first --without reset-struct-pages --quiet

# ---- arm64's rule, when switched on, fails what breaks it
expect '0|7' "rule kept" run --design none --geometry tiny --break-before-make --ops 2000 --quiet
expect 1 "rule broken" run --design shared-tail --geometry tiny --break-before-make --ops 2000 --quiet
shows out "break-before-make$" "rule broken"
shows out "^repeat:.*--break-before-make" "rule broken"

# ---- swarm, kernels by version
expect '0|7' swarm run --ops 4000 --swarm "${small[@]}"
expect '0|7' "kernel 6.12.3" run --ops 100 --design v6.12.3 "${small[@]}"
shows out "mixed on fake-head-rcu" "kernel 6.12.3"
expect '0|7' "kernel 7.1" run --ops 4000 --design 7.1 "${small[@]}"
shows out "mixed on shared-tail" "kernel 7.1"

# ---- a first Ctrl-C or SIGTERM ends early with results
for signal in INT TERM; do
  start run --seconds 60 "${small[@]}" --json "$dir/int.json"
  stop "$signal" '0|7'
  shows out "interrupted" "$signal"
  holds json "$dir/int.json" /interrupted true
done

# ---- a second one ends at once; the planted hang keeps the run from ending by itself
start run --plant hang --hang-timeout 60 "${small[@]}" --json "$dir/twice.json"
kill -INT "$pid"
sleep 0.5
kill -0 "$pid" || fail "a hanging run ended by the first Ctrl-C"
stop INT 130
[[ ! -e $dir/twice.json && ! -e $dir/twice.json.tmp ]] || fail "two Ctrl-C: a file was left"

# ---- a CPU that hangs is found, the results so far are kept
expect 6 hang run --plant hang --hang-timeout 1 "${small[@]}" --json "$dir/hang.json" --ktap "$dir/hang.ktap"
shows err "CPU 1: in test" hang
shows err "waits for: TLB flush to be served" hang
shows err "holds: mmap_lock" hang
shows out "HANG" hang
holds json "$dir/hang.json" /verdict hang
holds ktap "$dir/hang.ktap"

# ---- a crash says how to repeat it
for signal in ABRT SEGV; do
  start run --seconds 60 --seed 5 "${small[@]}" --json "$dir/crash.json"
  stop "$signal" 5
  shows err "SIG$signal in round" crash
  shows err "repeat the round: .*--rounds 1 --seed" crash
  [[ ! -e $dir/crash.json && ! -e $dir/crash.json.tmp ]] || fail "crash: a file was left"
done

# ---- what can't be written is said, and does not hide the rest
if [[ -c /dev/full ]]; then
  expect 3 "full disk" run --ops 500 "${small[@]}" --json /dev/full --ktap "$dir/full.ktap"
  shows err "can't write /dev/full" "full disk"
  shows out "VACUOUS\|PASS" "full disk"
  holds ktap "$dir/full.ktap"
  [[ -c /dev/full ]] || fail "a device was replaced by a file"
fi

# ---- in a pipe the status is a line now and then
wait "$status_pid"
grep -qE '^hvo-stress: [0-9]+ s left: .* op/s .* FORB 0$' "$dir/status" || fail "no status line in a pipe"

finish
