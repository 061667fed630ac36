#include "tests/kernel/guest/output.h"

#include <fcntl.h>
#include <sys/io.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

namespace hvo::kernel {

namespace {
constexpr unsigned short kPort = 0xe9;  // QEMU's isa-debugcon, where nothing else says otherwise
}

bool open_output() { return ioperm(kPort, 1, 1) == 0; }

void say(std::string_view line) {
  outsb(kPort, line.data(), line.size());
  outb('\n', kPort);
}

std::string read_file(const char* path) {
  std::string text;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 16384> part{};
  for (ssize_t n = 0; (n = read(fd, part.data(), part.size())) > 0;) text.append(part.data(), static_cast<size_t>(n));
  close(fd);
  return text;
}

int write_file(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
  close(fd);
  return error;
}

unsigned long number_in(const std::string& text, std::string_view name) {
  for (size_t at = 0; at < text.size();) {
    if (std::string_view(text).substr(at).starts_with(name))
      return strtoul(text.c_str() + at + name.size(), nullptr, 10);
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return 0;
}

}  // namespace hvo::kernel
