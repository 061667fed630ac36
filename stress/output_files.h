// OutputFiles: result files that exist whole or not at all, and are known to be writable before the run.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

namespace hvo::stress {

/// Opened as PATH.tmp, renamed to PATH when written. What is never written is removed. One user.
class OutputFiles {
 public:
  OutputFiles() = default;
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;
  ~OutputFiles();

  /// Opens the temporary file; an empty path is ignored. Error: one line, exit code 3 (2 when the path was given
  /// twice).
  struct Refused {
    std::string why;
    bool is_usage = false;
  };
  std::expected<void, Refused> open(const std::string& path, std::function<std::string()> content);
  /// Writes all, each whatever becomes of the others. What failed, one line each.
  std::vector<std::string> write_all();

 private:
  struct File {
    std::string path;
    std::function<std::string()> content;
    int fd = -1;
    std::string temporary() const { return path + ".tmp"; }
  };
  static bool write(File& file);
  std::vector<File> files_;
};

}  // namespace hvo::stress
