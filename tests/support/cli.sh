# shellcheck shell=bash
# What tests of command lines have in common; to be sourced. They end with `finish`.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
tool=()

fail() {
  printf 'FAIL %s\n' "$*"
  failed=1
}
# expect CODES ARG...: runs the tool; its exit code is one of CODES (as 0|7). What it printed is in $dir/out, $dir/err.
expect() {
  local codes=$1 code=0
  shift
  "${tool[@]}" "$@" >"$dir/out" 2>"$dir/err" || code=$?
  [[ $code =~ ^($codes)$ ]] && return
  fail "$*: exit code $code, not $codes"
  tail -n 30 "$dir/out" "$dir/err"
}
# says PATTERN: the last run said one line on stderr, with that in it, and printed nothing.
says() {
  grep -q -- "$1" "$dir/err" || fail "no word of '$1' in: $(cat "$dir/err")"
  [[ $(wc -l <"$dir/err") == 1 && ! -s $dir/out ]] || fail "not one clear line: $(cat "$dir/err")"
}
# narrow COLUMNS: no line of the last run's output is wider, but for commands, which are there to be pasted.
narrow() {
  local widest
  widest=$(grep -vE '^(repeat|replay|explore): ' "$dir/out" | LC_ALL=C.UTF-8 wc -L)
  ((widest <= $1)) || fail "$widest columns, of $1 at most"
}
# interrupt SECONDS ARG...: runs the tool, and interrupts it after so long; it ends with 130.
interrupt() {
  local code=0 pid seconds=$1
  shift
  "${tool[@]}" "$@" >"$dir/out" 2>"$dir/err" &
  pid=$!
  sleep "$seconds"
  kill -INT "$pid"
  wait "$pid" || code=$?
  [[ $code == 130 ]] || fail "$*: an interrupt ends with $code, not 130"
}
# no_temporaries: nothing half-written is left.
no_temporaries() { [[ -z $(find "$dir" -name '*.tmp*') ]] || fail "a temporary file is left"; }
finish() { exit "$failed"; }
