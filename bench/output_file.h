// OutputFile: a result file that is there whole or not at all, and whose path is tried before the work begins.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <filesystem>
#include <string>
#include <utility>

namespace hvo::bench {

/// Writes to PATH.tmp and renames; removes that when it is dropped unfinished.
class OutputFile {
 public:
  /// Empty path: no file is wanted, and finish() does nothing. Error: one line for the user.
  static std::expected<OutputFile, std::string> create(const std::string& path) {
    if (path.empty()) return OutputFile("", nullptr);
    if (std::filesystem::is_directory(path)) return std::unexpected("can't write " + path + ": it is a directory");
    std::FILE* file = std::fopen((path + ".tmp").c_str(), "w");
    if (file == nullptr) return std::unexpected("can't write " + path + ": " + std::strerror(errno));
    return OutputFile(path, file);
  }
  OutputFile(OutputFile&& other) noexcept : path_(std::move(other.path_)), file_(std::exchange(other.file_, nullptr)) {}
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (file_ == nullptr) return;
    std::fclose(file_);
    std::remove(temporary().c_str());
  }

  /// Writes it all. False when the host refused; nothing is left then.
  [[nodiscard]] bool finish(const std::string& content) {
    if (file_ == nullptr) return true;
    const bool written = std::fwrite(content.data(), 1, content.size(), file_) == content.size();
    const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
    if (written && closed && std::rename(temporary().c_str(), path_.c_str()) == 0) return true;
    std::remove(temporary().c_str());
    return false;
  }

 private:
  OutputFile(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  std::string temporary() const { return path_ + ".tmp"; }

  std::string path_;
  std::FILE* file_;
};

}  // namespace hvo::bench
