// The guest's init: takes the steps of /trace and says, after each, what there is to be seen.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/kernel/guest/output.h"
#include "tests/kernel/guest/view.h"

namespace hvo::kernel {
namespace {

void mount_all() {
  const auto mount_at = [](const char* type, const char* at) {
    mkdir(at, 0755);
    if (mount("none", at, type, 0, nullptr) != 0) say("HVO note can't mount " + std::string(at));
  };
  mount_at("proc", "/proc");
  mount_at("sysfs", "/sys");
  mount_at("debugfs", "/sys/kernel/debug");
}

/// finit_module(2) has few words.
std::string why_not(int error) {
  std::string why = strerrorname_np(error);
  if (error == ENOENT) why += ": it needs a symbol that neither the kernel nor a module before it has";
  if (error == ENOEXEC) why += ": it is no module, or one of another kernel";
  return why;
}

/// Those that the user's own kernel was given (--modules), in the order of their names. Empty, or what went wrong.
std::string load_modules() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator("/modules")) paths.push_back(entry.path());
  std::ranges::sort(paths);
  for (const std::string& path : paths) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0) {
      return "module " + path.substr(path.rfind('/') + 1) + " can't be loaded: " + why_not(errno);
    }
    close(fd);
  }
  return {};
}

std::string milliseconds(std::chrono::steady_clock::duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

/// Empty, or why it ended early.
std::string run() {
  if (access("/proc/sys/vm/hugetlb_optimize_vmemmap", F_OK) != 0) return "this kernel has no hugetlb_optimize_vmemmap";
  const auto trace = parse_trace(read_file("/trace"));
  if (!trace) return trace.error();
  const bool has_poison = std::ranges::any_of(*trace, [](const Step& step) { return step.kind == StepKind::poison; });
  if (has_poison && access(kHardOffline, F_OK) != 0)
    return "the trace has memory errors, and this kernel no memory failure";
  KernelMemory memory;
  if (std::string why = memory.open(); !why.empty()) return why;
  Pools pools;
  View view(memory, pools);
  utsname name{};
  uname(&name);
  say("HVO boot release=" + std::string(name.release) + " pages=" + std::to_string(view.nr_pages()));
  view.show(0);
  unsigned n = 0;
  for (const Step& step : *trace) {
    ++n;
    const auto begin = std::chrono::steady_clock::now();
    const bool is_poison = step.kind == StepKind::poison;
    const std::string came = is_poison ? pools.poison(step, view.free_list(step.order)) : pools.take(step);
    say("HVO step n=" + std::to_string(n) + " result=" + came + " op=" + to_text(step));
    const auto done = std::chrono::steady_clock::now();
    view.show(n);
    say("HVO took step_ms=" + milliseconds(done - begin) +
        " view_ms=" + milliseconds(std::chrono::steady_clock::now() - done));
  }
  say("HVO end steps=" + std::to_string(n));
  return {};
}

}  // namespace
}  // namespace hvo::kernel

int main() {
  using namespace hvo::kernel;
  if (open_output()) {
    mount_all();
    std::string why = load_modules();
    if (why.empty()) why = run();
    if (!why.empty()) say("HVO unfit " + why);
  }
  sync();
  reboot(RB_AUTOBOOT);
  return 1;
}
