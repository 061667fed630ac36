#include "stress/output_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "stress/signals.h"

namespace hvo::stress {

std::expected<void, OutputFiles::Refused> OutputFiles::open(const std::string& path,
                                                            std::function<std::string()> content) {
  if (path.empty()) return {};
  if (std::ranges::find(files_, path, &File::path) != files_.end()) {
    return std::unexpected(Refused{fmt::format("two results can't go to one file: {}", path), true});
  }
  File file{.path = path, .content = std::move(content)};
  file.fd = ::open(file.temporary().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.fd < 0) {
    return std::unexpected(Refused{fmt::format("can't write {}: {}", file.temporary(), std::strerror(errno))});
  }
  note_temporary(file.temporary());
  files_.push_back(std::move(file));
  return {};
}

bool OutputFiles::write(File& file) {
  const std::string text = file.content();
  for (std::string_view left = text; !left.empty();) {
    const ssize_t n = ::write(file.fd, left.data(), left.size());
    if (n <= 0) return false;
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  const bool closed = ::close(file.fd) == 0;
  file.fd = -1;
  return closed && std::rename(file.temporary().c_str(), file.path.c_str()) == 0;
}

std::vector<std::string> OutputFiles::write_all() {
  std::vector<std::string> failed;
  for (File& file : files_) {
    if (write(file)) {
      forget_temporary(file.temporary());
      file.path.clear();
    } else {
      failed.push_back(fmt::format("can't write {}: {}", file.path, std::strerror(errno)));
    }
  }
  return failed;
}

OutputFiles::~OutputFiles() {
  for (File& file : files_) {
    if (file.fd >= 0) ::close(file.fd);
    if (file.path.empty()) continue;  // written
    unlink(file.temporary().c_str());
    forget_temporary(file.temporary());
  }
}

}  // namespace hvo::stress
