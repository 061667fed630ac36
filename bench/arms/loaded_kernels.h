// LoadedKernels: the kernels of one build, with their key ready to be switched.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "bench/arms/kernels.h"
#include "bench/jump_label/host_key.h"

namespace hvo::bench {

/// What one placement of the kernels offers. Cheap to copy; the code stays loaded until the program ends.
class LoadedKernels {
 public:
  /// Those in this program. Error: one line for the user.
  static std::expected<LoadedKernels, std::string> own();
  /// Those of a shared object. Error: one line for the user.
  static std::expected<LoadedKernels, std::string> load(const std::string& path);

  std::span<const Kernel> all() const { return table_->kernels(); }
  /// nullptr when there is none.
  const Kernel* find(std::string_view helper, std::string_view arm) const;
  Single only_return() const { return table_->only_return; }
  std::string_view compiler() const { return table_->compiler; }
  std::string_view flags() const { return table_->flags; }
  /// How its key is switched: "patched code", or "atomic flag".
  std::string_view key_kind() const { return key_->kind(); }
  /// Switches the fake-head check of all its arms, and the global flag with it. Aborts when the host refuses what it
  /// granted before.
  void set_key(bool on) const;

 private:
  static std::expected<LoadedKernels, std::string> from(const KernelTable* table);
  LoadedKernels(const KernelTable* table, HostKey* key) : table_(table), key_(key) {}

  const KernelTable* table_;
  HostKey* key_;
};

}  // namespace hvo::bench
