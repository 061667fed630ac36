#!/usr/bin/env bash
# Rules of this repository that a machine can check.
#   tidy.sh ROOT         checks the tree at ROOT; one line per finding; exit 1 if there is any
#   tidy.sh --self-test  breaks each rule in a tree of its own and expects the finding
set -euo pipefail

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
    upper=stress/\|bench/\|tests/
    for ((j = i + 1; j < ${#layers[@]}; j++)); do upper+="|core/${layers[j]}/"; done
    search layer-order "#include *[<\"]($upper)" "core/$layer"
  done
  search layer-order '#include *[<"](bench|tests)/' stress
  search layer-order '#include *[<"](stress|tests)/' bench
}

one_tbb_file() {
  local files
  files=$(grep -rlE --include='*.h' --include='*.cpp' '#include *[<"](oneapi/)?tbb' core stress bench 2>/dev/null || true)
  (($(grep -c . <<<"$files") <= 1)) || complain one-tbb-file "$(tr '\n' ' ' <<<"$files")"
}

long_files() {
  local file
  while IFS= read -r file; do
    (($(wc -l <"$file") <= 400)) || complain long-file "$file has more than 400 lines"
  done < <(find core stress bench tests -name '*.h' -o -name '*.cpp' -o -name '*.sh' 2>/dev/null)
}

# Every relative link of a Markdown file, and every `path/with.ext` in backticks, exists.
dead_paths() {
  local file path
  while IFS= read -r file; do
    # shellcheck disable=SC2016 # the backticks are what is looked for
    while IFS= read -r path; do
      [[ -e $(dirname "$file")/$path || -e $path ]] || complain dead-path "$file names $path"
    done < <(grep -oE '\]\([A-Za-z0-9_./-]+(#[^)]*)?\)|`(core|stress|bench|tests|cmake)/[A-Za-z0-9_./-]+`' "$file" |
      sed 's/#.*//' | tr -d '`]()' || true)
  done < <(find . -name '*.md' -not -path './build/*')
}

check() {
  cd "$1"
  local parts=()
  for part in core stress bench tests; do [[ ! -d $part ]] || parts+=("$part"); done
  layer_order
  one_tbb_file
  long_files
  dead_paths
  search no-fence 'atomic_thread_fence|__sync_synchronize|_mm_[lsm]fence' "${parts[@]}"
  search no-std-lock 'std::(mutex|shared_mutex|condition_variable|thread|jthread)\b' core
  search no-std-distribution 'std::[a-z_]+_distribution|std::(unordered_|mt19937|random_device)' core
  search no-left-over '\b(TODO|FIXME|XXX)\b' "${parts[@]}"
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
  expect no-fence '__sync_synchronize();' stress/a.cpp
  expect no-fence 'std::atomic_thread_fence(x);' core/cpu/a.h
  expect no-std-lock 'std::mutex m;' core/cpu/a.h
  expect no-std-lock 'std::jthread t;' core/cpu/a.h
  expect no-std-distribution 'std::uniform_int_distribution<int> d;' core/cpu/a.h
  expect no-std-distribution 'std::unordered_map<int, int> m;' core/cpu/a.h
  expect no-left-over '// TO''DO later' core/cpu/a.h
  expect no-suppression 'const char* __tsan_default_suppressions();' stress/a.cpp
  expect no-suppression 'race:tbb' stress/race.supp
  return "$found"
}

case ${1:-} in
  --self-test) self_test ;;
  *) check "${1:-.}" ;;
esac
