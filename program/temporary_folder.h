// TemporaryFolder: a place for files that no one needs afterwards.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace hvo {

/// Gone, with all that is in it, when this object goes. One owner.
class TemporaryFolder {
 public:
  /// `name`: what its name begins with. Error: one line for the user.
  static std::expected<TemporaryFolder, std::string> make(const std::string& name);
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// All that stands in a file; empty where there is none.
std::string text_of_file(const std::string& path);

}  // namespace hvo
