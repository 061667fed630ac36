// hvo-bench savings: what a pool of hugepages costs and saves in struct pages, built and measured.
#pragma once

namespace hvo::bench::savings {

/// The subcommand; argv[0] is its name. Returns the exit code: 0 measured, 1 the machine found a violation, 2 usage, 3
/// this host has too little memory or refused something, 130 interrupted.
int savings_main(int argc, char** argv);

}  // namespace hvo::bench::savings
