#include <cstdio>

#include "core/machine/machine.h"

int main() {
  const auto machine = hvo::Machine::create({});
  if (!machine) return std::fputs(machine.error().c_str(), stderr), 1;
  return (*machine)->validate() ? 0 : 1;
}
