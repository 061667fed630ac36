#include "program/temporary_folder.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace hvo {

namespace fs = std::filesystem;

std::expected<TemporaryFolder, std::string> TemporaryFolder::make(const std::string& name) {
  std::error_code error;
  std::string path = (fs::temp_directory_path(error) / (name + "-XXXXXX")).string();
  if (error || mkdtemp(path.data()) == nullptr) return std::unexpected("can't make a temporary folder");
  return TemporaryFolder(path);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

std::string text_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace hvo
