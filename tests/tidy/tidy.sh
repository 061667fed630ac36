#!/usr/bin/env bash
# Rules of this repository that a machine can check.
#   tidy.sh ROOT         checks the tree at ROOT; one line per finding; exit 1 if there is any
#   tidy.sh --self-test  breaks each rule in a tree of its own and expects the finding
set -euo pipefail

tidy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
layers=(base cpu sync frame pgtable vmemmap pages hvo hugetlb machine)
found=0

complain() {
  printf 'tidy: %s: %s\n' "$1" "$2"
  found=1
}

# search RULE PATTERN PATH...: every match is a finding.
search() {
  local rule=$1 pattern=$2 hit
  shift 2
  while IFS= read -r hit; do
    [[ -z $hit ]] || complain "$rule" "$hit"
  done < <(grep -rnE --include='*.h' --include='*.cpp' -e "$pattern" "$@" 2>/dev/null || true)
}

layer_order() {
  local i j layer upper
  for i in "${!layers[@]}"; do
    layer=${layers[i]}
    [[ -d core/$layer ]] || continue
    upper=program/\|stress/\|bench/\|tests/
    for ((j = i + 1; j < ${#layers[@]}; j++)); do upper+="|core/${layers[j]}/"; done
    search layer-order "#include *[<\"]($upper)" "core/$layer"
  done
  search layer-order '#include *[<"](stress|bench|tests)/' program
  search layer-order '#include *[<"](bench|tests)/' stress
  search layer-order '#include *[<"](stress|tests)/' bench
}

one_tbb_file() {
  local files
  files=$(grep -rlE --include='*.h' --include='*.cpp' '#include *[<"](oneapi/)?tbb' core program stress bench 2>/dev/null || true)
  (($(grep -c . <<<"$files") <= 1)) || complain one-tbb-file "$(tr '\n' ' ' <<<"$files")"
}

long_files() {
  local file
  while IFS= read -r file; do
    (($(wc -l <"$file") <= 400)) || complain long-file "$file has more than 400 lines"
  done < <(find core program stress bench tests -name '*.h' -o -name '*.cpp' -o -name '*.sh' 2>/dev/null)
}

# Every relative link of a Markdown file, and every `path/with.ext` in backticks, exists.
dead_paths() {
  local file path
  while IFS= read -r file; do
    # shellcheck disable=SC2016 # the backticks are what is looked for
    while IFS= read -r path; do
      [[ -e $(dirname "$file")/$path || -e $path ]] || complain dead-path "$file names $path"
    done < <(grep -oE '\]\([A-Za-z0-9_./-]+(#[^)]*)?\)|`(core|program|stress|bench|tests|cmake)/[A-Za-z0-9_./-]+`' "$file" |
      sed 's/#.*//' | tr -d '`]()' || true)
  done < <(find . -name '*.md' -not -path './build/*')
}

# Each line of a Markdown code block that starts with ./hvo names a command that the script has.
dead_commands() {
  local file command known
  [[ -e hvo ]] || return 0
  # shellcheck disable=SC2016 # the script's variable
  known=$(sed -n '/^case \$command in/,/^esac/s/^  \([a-z][a-z |-]*\)).*/\1/p' hvo | tr '|' ' ')
  while IFS= read -r file; do
    while IFS= read -r command; do
      [[ " ${known//$'\n'/ } " == *" $command "* ]] || complain dead-command "$file shows ./hvo $command"
    done < <(code_blocks "$file" | sed -n 's|^ *\(\$ \)\{0,1\}\./hvo  *\([^ #]*\).*|\2|p')
  done < <(find . -name '*.md' -not -path './build/*')
}

# The lines of a Markdown file that are fenced by ``` or indented by four spaces.
code_blocks() {
  awk '/^ *```/ { fenced = !fenced; next } fenced || /^    / { print }' "$1"
}

# sources FOLDER...: C++ below those that exist.
sources() {
  local folder
  for folder in "$@"; do
    [[ ! -d $folder ]] || find "$folder" -name '*.h' -o -name '*.cpp'
  done
}

# by_script RULE AWK-ARGUMENT...: every line that the awk script prints about core and stress is a finding.
by_script() {
  local rule=$1 hit files
  shift
  mapfile -t files < <(sources core stress)
  ((${#files[@]})) || return 0
  while IFS= read -r hit; do complain "$rule" "$hit"; done < <(awk "$@" "${files[@]}")
}

# The types that are made in the arena, by name.
arena_types() {
  sources core | xargs -r grep -ohE '\bmake(_span)?<[A-Za-z]+' | sed 's/.*<//' | sort -u | tr '\n' ' '
}

# Also in scripts, build files and texts; this folder names the words.
left_overs() {
  local hit
  while IFS= read -r hit; do complain no-left-over "$hit"; done < <(
    find . -name build -prune -o -name .git -prune -o -path ./tests/tidy -prune -o -type f -print0 |
      xargs -0 -r grep -nIE '\b(TODO|FIXME|XXX)\b' || true)
}

check() {
  cd "$1"
  local parts=()
  for part in core program stress bench tests; do [[ ! -d $part ]] || parts+=("$part"); done
  layer_order
  one_tbb_file
  long_files
  dead_paths
  search no-fence 'atomic_thread_fence|__sync_synchronize|_mm_[lsm]fence' "${parts[@]}"
  search no-std-lock 'std::(mutex|shared_mutex|condition_variable|thread|jthread)\b' core
  search no-std-distribution 'std::[a-z_]+_distribution|std::(mt19937|random_device)' core
  search no-hash-container 'std::(unordered_|hash<)|(boost|absl|tsl)::[a-z_:]*(unordered|flat|hash)' core
  by_script one-step -f "$tidy/steps.awk"
  by_script no-address-in-arena -v "types=$(arena_types)" -f "$tidy/arena_types.awk"
  left_overs
  dead_commands
  search no-suppression 'tsan_suppressions|__tsan_default_suppressions|no_sanitize\("thread' "${parts[@]}"
  [[ -z $(find . -name '*.supp' -not -path './build/*') ]] || complain no-suppression "a suppression file"
  return "$found"
}

# expect RULE TEXT FILE...: a tree with only this text, in each of these files, breaks this rule.
expect() {
  local tree out file rule=$1 text=$2
  shift 2
  tree=$(mktemp -d)
  for file in "$@"; do
    mkdir -p "$tree/$(dirname "$file")"
    printf '%b\n' "$text" >"$tree/$file"
  done
  out=$("$0" "$tree" || true)
  rm -rf "$tree"
  if [[ $out == *"tidy: $rule:"* ]]; then
    printf 'caught   %s\n' "$rule"
  else
    printf 'MISSED   %s\n' "$rule"
    found=1
  fi
}

# expect_nothing TEXT FILE: this text breaks no rule.
expect_nothing() {
  local tree out
  tree=$(mktemp -d)
  mkdir -p "$tree/$(dirname "$2")"
  printf '%b\n' "$1" >"$tree/$2"
  out=$("$0" "$tree" || true)
  rm -rf "$tree"
  verdict "$out" '' "allowed: $1"
}

# expect_commands TEXT FINDING: about a Markdown file with this text, beside a script that knows `run` and `stress`.
expect_commands() {
  local tree out
  tree=$(mktemp -d)
  # shellcheck disable=SC2016 # the script's variable
  printf 'case $command in\n  help | -h) usage ;;\n  run | stress) go ;;\nesac\n' >"$tree/hvo"
  printf '%b\n' "$1" >"$tree/a.md"
  out=$("$0" "$tree" || true)
  rm -rf "$tree"
  verdict "$out" "${2:+tidy: $2}" 'dead-command'
}

# verdict OUTPUT WANTED WHAT: the output is what was wanted, all of it.
verdict() {
  if [[ $1 == "$2" ]]; then
    printf 'right    %s\n' "$3"
  else
    printf 'WRONG    %s: %s\n' "$3" "$1"
    found=1
  fi
}

self_test() {
  local long
  long=$(printf 'x\\n%.0s' {1..401})
  expect layer-order '#include "core/sync/mutex.h"' core/cpu/a.h
  expect layer-order '#include <core/machine/machine.h>' core/hugetlb/a.h
  expect layer-order '#include "stress/report.h"' core/machine/a.h
  expect layer-order '#include "bench/a.h"' stress/a.h
  expect layer-order '#include "stress/a.h"' bench/a.h
  expect one-tbb-file '#include <tbb/task.h>' stress/a.cpp stress/b.cpp
  expect long-file "$long" core/base/a.h
  expect dead-path 'see [there](core/nowhere.md)' README.md
  expect dead-path 'see [there](core/nowhere.md#part)' core/README.md
  # shellcheck disable=SC2016 # the backticks are the text
  expect dead-path 'see `core/base/nowhere.h`' README.md
  expect_commands 'text\n\n    ./hvo run      # it runs\n    ./hvo stop --now\n' 'dead-command: ./a.md shows ./hvo stop'
  # shellcheck disable=SC2016 # the backticks are the text
  expect_commands 'text\n```\n$ ./hvo walk\n```\n' 'dead-command: ./a.md shows ./hvo walk'
  expect_commands 'text ./hvo walk\n\n    ./hvo run\n    ./hvo stress | head\n' ''
  expect_nothing 'if (cpu.read_once(a) != 0) cpu.write_once(b, 1);' core/cpu/a.h
  expect_nothing 'x = cpu.read_once(a) == 0 && cpu.read_once(b) == 0 ? cpu.read_once(c) : 0;' core/cpu/a.h
  expect no-fence '__sync_synchronize();' stress/a.cpp
  expect no-fence 'std::atomic_thread_fence(x);' core/cpu/a.h
  expect no-std-lock 'std::mutex m;' core/cpu/a.h
  expect no-std-lock 'std::jthread t;' core/cpu/a.h
  expect no-std-distribution 'std::uniform_int_distribution<int> d;' core/cpu/a.h
  expect no-std-distribution 'std::mt19937 r;' core/cpu/a.h
  expect no-hash-container 'std::unordered_map<int, int> m;' core/cpu/a.h
  expect no-left-over '// TO''DO later' core/cpu/a.h
  expect no-left-over '# FIX''ME' cmake/a.cmake
  expect one-step 'x = f(cpu.read_once(a), cpu.read_once(b));' core/cpu/a.h
  expect one-step 'return cpu.load_acquire(a) +\n    table.pte_at(cpu, va).v;' core/pgtable/a.cpp
  expect one-step 'cpu_.write_once_at<u64>(va, cpu_.fetch_add(w, 1));' stress/a.cpp
  expect no-address-in-arena 'struct Thing {\n  u64* to;\n};\nauto& t = arena.make<Thing>();' core/cpu/a.h
  expect no-address-in-arena 'class Thing {\n  std::string s;\n};\nauto t = arena.make_span<Thing>(2);' core/cpu/a.h
  expect no-suppression 'const char* __tsan_default_suppressions();' stress/a.cpp
  expect no-suppression 'race:tbb' stress/race.supp
  return "$found"
}

case ${1:-} in
  --self-test) self_test ;;
  *) check "${1:-.}" ;;
esac
