// OutputFiles: result files that exist whole or not at all, and are known to be writable before the run.
//
// A regular file is written as PATH.tmp and renamed when it is whole; a symbolic link keeps pointing where it does, and
// a file that is replaced keeps its permissions. A device or a pipe (/dev/null, a shell's >(program)) can't be
// replaced: it is opened as it is.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

namespace hvo {

/// One user.
class OutputFiles {
 public:
  struct Refused {
    std::string why;        ///< one line
    bool is_usage = false;  ///< exit code 2, else 3
  };

  OutputFiles() = default;
  OutputFiles(const OutputFiles&) = delete;
  OutputFiles& operator=(const OutputFiles&) = delete;
  ~OutputFiles();

  /// Makes sure that `path` can be written; `content` is asked for by write_all(). An empty path is ignored. Refused:
  /// usage when another file of this set would be overwritten, else what the host says.
  std::expected<void, Refused> open(const std::string& path, const std::function<std::string()>& content);
  /// Writes all, each whatever becomes of the others. What failed, one line each; of such a file nothing is left.
  std::vector<std::string> write_all();

 private:
  struct File {
    std::string path;       ///< as the user names it
    std::string target;     ///< links resolved
    std::string temporary;  ///< empty: `target` is written in place
    std::function<std::string()> content;
    int fd = -1;
  };
  static std::string write(File& file);
  static void drop(File& file);
  bool is_taken(const std::string& name) const;
  std::vector<File> files_;
};

}  // namespace hvo
