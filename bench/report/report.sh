# shellcheck shell=bash
# `./hvo report`: stress, small operations explored, lookups and savings of one design, measured and told in one block. Read by ./hvo, whose
# functions it uses.

# seconds TIME: "90", "90s", "10m", "1h" in seconds; nothing when it is none of these.
seconds() {
  local unit=1
  case $1 in
    *s) ;;
    *m) unit=60 ;;
    *h) unit=3600 ;;
  esac
  [[ $1 =~ ^[0-9]{1,6}[smh]?$ ]] && printf '%s\n' "$((10#${1%[smh]} * unit))"
}

# report [--design D] [--against E] [--budget TIME]: measures and prints one block.
report() {
  local design=fake-head against='' budget=10m total
  local typed="./hvo report $*"
  while (($#)); do
    case $1 in
      --design | --against | --budget) (($# > 1)) || die 2 "$1 needs a value" ;;
      -h | --help)
        printf '%s\n' "./hvo report [--design D] [--against E] [--budget 10m]" \
          "Runs the stress under a design, explores walkers beside a fresh hugepage, compares lookups," \
          "builds a pool of 16 GiB, and prints one block of 72 columns for a mail. Designs: ./hvo designs. Exit codes: ./hvo help."
        return 0
        ;;
      *) die 2 "unknown argument '$1'; ./hvo report [--design D] [--against E] [--budget 10m]" ;;
    esac
    case $1 in
      --design) design=$2 ;;
      --against) against=$2 ;;
      --budget) budget=$2 ;;
    esac
    shift 2
  done
  total=$(seconds "$budget") || total=0
  ((total >= 60 && total <= 86400)) || die 2 "--budget must be 60s to 24h, not '$budget'"
  program release stress hvo-stress
  program_by_gcc
  measured_report
}

# explored_holes: explores what walkers can meet where a page becomes a hugepage; adds to `explored` of its caller.
# Nothing found, or not all done, is a result; an outcome that must not be becomes `found`.
explored_holes() {
  local pair code
  for pair in recycle+walker recycle+filtered; do
    code=0
    build/release/stress/hvo-stress explore --scenario "$pair" --design "$design" --find known-hole --keep-going \
      --budget "$((total / 60 + 1))" --save "$files/$pair.schedule" --json "$files/$pair" >"$files/log" || code=$?
    ((code == 0 || code == 1 || code == 7)) || {
      tail -n 5 "$files/log" >&2
      return "$code"
    }
    ((code != 1)) || found=1
    explored+=(--explored "$files/$pair")
  done
}

# measured_report: uses the names of report(). A fifth of the time is the stress's, seven tenths the lookups'.
measured_report() {
  local explored=() files found=0 told=0 bench=build/gcc/bench/hvo-bench savings=() designs=(--design none --design "$design")
  files=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder's name as it is now
  trap "rm -rf '$files'" EXIT
  build/release/stress/hvo-stress run --design "$design" --seconds "$((total / 5))" --json "$files/stress" >"$files/log" ||
    found=$?
  ((found == 0 || found == 1 || found == 7)) || {
    tail -n 5 "$files/log" >&2
    return "$found"
  }
  explored_holes || return
  "$bench" compare --quick --budget "$((total * 7 / 10))s" --json "$files/compare" >/dev/null || told=$?
  ((told == 0 || told == 7)) || return "$told"
  if [[ -n $against ]]; then designs+=(--design "$against"); fi
  "$bench" savings --memory 16GiB "${designs[@]}" --json "$files/savings" >/dev/null || return
  savings=(--savings "$files/savings")
  "$bench" report --stress "$files/stress" "${explored[@]}" --compare "$files/compare" "${savings[@]}" --design "$design" \
    ${against:+--against "$against"} --command "$typed" || return
  # What was found decides; next, what could not be told.
  if ((found == 0)); then found=$told; fi
  return "$found"
}
