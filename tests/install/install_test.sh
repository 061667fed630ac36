#!/usr/bin/env bash
# install_test.sh CMAKE BUILD_FOLDER COMPILER: installs a build and makes a consumer with nothing but the installed files.
set -euo pipefail
cmake=$1 build=$2 compiler=$3
consumer=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/consumer
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$cmake" --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"
"$cmake" -S "$consumer" -B "$scratch/build" -G Ninja "-DCMAKE_CXX_COMPILER=$compiler" "-DCMAKE_PREFIX_PATH=$scratch/prefix"
"$cmake" --build "$scratch/build"
"$scratch/build/consumer"
if [[ -e $build/stress/hvo-stress ]]; then "$scratch/prefix/bin/hvo-stress" --help >/dev/null; fi
