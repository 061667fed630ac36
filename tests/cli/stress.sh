#!/usr/bin/env bash
# What a user of hvo-stress relies on: exit codes, messages, files. Usage: stress.sh <hvo-stress>
set -u
tool=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# expect <exit codes, as 0|7> <what> <arguments...>
expect() {
  local codes=$1 what=$2 code
  shift 2
  "$tool" "$@" >"$dir/out" 2>"$dir/err"
  code=$?
  if [[ ! $code =~ ^($codes)$ ]]; then
    echo "FAIL $what: exit code $code, not $codes"
    tail -n 30 "$dir/out" "$dir/err"
    failed=1
  fi
}
# shows <file> <pattern> <what>
shows() {
  if ! grep -q -- "$2" "$dir/$1"; then
    echo "FAIL $3: no '$2' in $1"
    failed=1
  fi
}

expect 0 help --help
shows out run help
expect 0 version version
expect 0 list list
shows out split_contention list
expect 2 "unknown scenario" run --scenario nonsense
shows err lookup_vs_restore "unknown scenario"
expect 2 "unknown design" run --design nonsense
shows err fake-head "unknown design"
expect 2 "unknown safeguard" run --without nonsense
shows err reset-struct-pages "unknown safeguard"
expect 2 "no CPUs" run --cpus 0
expect 2 "too many CPUs" run --cpus 1000
expect 2 "no operations" run --ops 0
expect 2 "negative operations" run --ops -5
expect 2 "no time" run --seconds 0
expect 2 "no number" run --cpus x
expect 2 "contradiction" run --seconds 1 --ops 5
expect 2 "bad failure plan" run --fail-alloc often
expect 3 "unwritable JSON" run --ops 10 --json "$dir/none/out.json"
[[ ! -e $dir/none ]] || { echo "FAIL unwritable JSON: a file was left"; failed=1; }
expect '0|7' "operations and JSON" run --ops 20000 --seed 7 --json "$dir/out.json"
shows out "seed 7" "seed"
shows out.json '"scenario":"mixed"' JSON
[[ $(tr -cd '{' <"$dir/out.json" | wc -c) == $(tr -cd '}' <"$dir/out.json" | wc -c) ]] || { echo "FAIL JSON"; failed=1; }
[[ ! -e $dir/out.json.tmp ]] || { echo "FAIL JSON: a partial file was left"; failed=1; }
expect 1 "planted bug" run --scenario lookup_vs_restore --seconds 2 --without reset-struct-pages
shows out bad-page "planted bug"
expect 0 mixed run --scenario mixed --seconds 2
for scenario in lookup_vs_restore lookup_vs_optimize enomem_rollback split_contention; do # their windows need luck
  expect "0|7" "$scenario" run --scenario "$scenario" --seconds 2
done
expect 0 show show
shows out "fake head" show

"$tool" run --seconds 60 >"$dir/out" 2>"$dir/err" &
pid=$!
sleep 1
kill -INT "$pid"
wait "$pid"
code=$?
[[ $code == 0 || $code == 7 ]] || { echo "FAIL SIGINT: exit code $code"; failed=1; }
shows out outcomes SIGINT

exit "$failed"
