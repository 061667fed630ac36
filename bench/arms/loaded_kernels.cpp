#include "bench/arms/loaded_kernels.h"

#include <dlfcn.h>

#include <algorithm>
#include <map>

#include "core/base/check.h"

namespace hvo::bench {

namespace {

/// One key for each table, made at its first use.
std::expected<HostKey*, std::string> key_of(const KernelTable& table) {
  static auto& keys = *new std::map<const KernelTable*, HostKey*>;  // for ever, as the keys themselves
  if (const auto known = keys.find(&table); known != keys.end()) return known->second;
  std::expected<HostKey*, std::string> key = table.first_jump == table.last_jump
                                                 ? make_flag_key(*table.key_flag)
                                                 : make_patched_key({table.first_jump, table.last_jump});
  if (key) keys.emplace(&table, *key);
  return key;
}

}  // namespace

std::expected<LoadedKernels, std::string> LoadedKernels::from(const KernelTable* table) {
  auto key = key_of(*table);
  if (!key) return std::unexpected(key.error());
  return LoadedKernels(table, *key);
}

std::expected<LoadedKernels, std::string> LoadedKernels::own() { return from(hvo_lookup_kernels()); }

std::expected<LoadedKernels, std::string> LoadedKernels::load(const std::string& path) {
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) return std::unexpected(std::string("loading kernels: ") + dlerror());
  auto* const table = reinterpret_cast<const KernelTable* (*)()>(dlsym(object, "hvo_lookup_kernels"));
  if (table == nullptr) return std::unexpected(path + " has no kernels in it");
  return from(table());
}

const Kernel* LoadedKernels::find(std::string_view helper, std::string_view arm) const {
  const auto found = std::ranges::find_if(all(), [&](const Kernel& k) { return helper == k.helper && arm == k.arm; });
  return found == all().end() ? nullptr : &*found;
}

void LoadedKernels::set_key(bool on) const {
  const auto set = key_->set(on);
  HVO_CHECK(set.has_value(), "the key's code can't be patched any more");
  table_->global_flag->store(on, std::memory_order::relaxed);
}

}  // namespace hvo::bench
