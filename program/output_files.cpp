#include "program/output_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "program/signals.h"

namespace hvo {

namespace {

namespace fs = std::filesystem;

std::string cannot(const std::string& path, int error) {
  return fmt::format("can't write {}: {}", path, std::strerror(error));
}

/// Where a link points that points to nothing yet; weakly_canonical leaves such a link as it is.
fs::path past_dangling_links(fs::path at) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::error_code ignored;
  for (int n = 0; n < kMostLinks && fs::is_symlink(at, ignored) && !fs::exists(at, ignored); ++n) {
    at = at.parent_path() / fs::read_symlink(at, ignored);
  }
  return at;
}

/// The name without links, dots and double slashes, so that one file has one name.
std::string resolved(const std::string& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(past_dangling_links(fs::absolute(path, error)), error);
  return error ? path : whole.string();
}

bool put(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

bool OutputFiles::is_taken(const std::string& name) const {
  return std::ranges::any_of(
      files_, [&name](const File& f) { return f.path == name || f.target == name || f.temporary == name; });
}

std::expected<void, OutputFiles::Refused> OutputFiles::open(const std::string& path,
                                                            const std::function<std::string()>& content) {
  if (path.empty()) return {};
  struct stat now{};
  const bool is_there = ::stat(path.c_str(), &now) == 0;
  if (is_there && S_ISDIR(now.st_mode)) return std::unexpected(Refused{cannot(path, EISDIR)});
  const bool in_place = is_there && !S_ISREG(now.st_mode);
  // A pipe's name resolves to something that is no path.
  File file{.path = path, .target = in_place ? path : resolved(path), .temporary = {}, .content = content};
  if (!in_place) file.temporary = file.target + ".tmp";
  if (is_taken(file.target) || (!in_place && is_taken(file.temporary))) {
    return std::unexpected(Refused{fmt::format("two results can't go to one file: {}", path), true});
  }
  // Replacing a file needs no right to write it, only its folder; but who made it read-only meant it.
  if (is_there && ::access(path.c_str(), W_OK) != 0) return std::unexpected(Refused{cannot(path, errno)});
  const std::string& name = in_place ? file.target : file.temporary;
  const int flags = in_place ? O_WRONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  file.fd = ::open(name.c_str(), flags, 0666);
  if (file.fd < 0) return std::unexpected(Refused{cannot(path, errno)});
  if (!in_place) note_temporary(file.temporary);
  if (!in_place && is_there) (void)::fchmod(file.fd, now.st_mode & 07777);
  files_.push_back(std::move(file));
  return {};
}

/// What went wrong, or nothing.
std::string OutputFiles::write(File& file) {
  if (!put(file.fd, file.content())) return cannot(file.path, errno);
  const int closed = ::close(file.fd);
  file.fd = -1;
  if (closed != 0) return cannot(file.path, errno);
  if (file.temporary.empty()) return {};
  if (std::rename(file.temporary.c_str(), file.target.c_str()) != 0) return cannot(file.path, errno);
  forget_temporary(file.temporary);
  file.temporary.clear();
  return {};
}

void OutputFiles::drop(File& file) {
  if (file.fd >= 0) ::close(file.fd);
  file.fd = -1;
  if (file.temporary.empty()) return;
  unlink(file.temporary.c_str());
  forget_temporary(file.temporary);
  file.temporary.clear();
}

std::vector<std::string> OutputFiles::write_all() {
  std::vector<std::string> failed;
  for (File& file : files_) {
    if (std::string why = write(file); !why.empty()) failed.push_back(std::move(why));
    drop(file);
  }
  files_.clear();
  return failed;
}

OutputFiles::~OutputFiles() {
  for (File& file : files_) drop(file);
}

}  // namespace hvo
