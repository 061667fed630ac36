// result_check: is a result file what it claims to be?
//   result_check json FILE POINTER VALUE   parses, and has this value there (as JSON prints it)
//   result_check xml FILE ELEMENT N        is well-formed, and has N such elements
//   result_check ktap FILE                 its plans are kept, and every result line has a number in order
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

int complain(const std::string& what) {
  std::fprintf(stderr, "result_check: %s\n", what.c_str());
  return 1;
}

std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int check_json(const std::string& text, const std::string& pointer, const std::string& wanted) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return complain("not JSON");
  const nlohmann::json::json_pointer at(pointer);
  if (!json.contains(at)) return complain("nothing at " + pointer);
  const auto& value = json.at(at);
  const std::string seen = value.is_string() ? value.get<std::string>() : value.dump();
  return seen == wanted ? 0 : complain(pointer + " is " + seen + ", not " + wanted);
}

/// Elements, attributes in double quotes, text without markup: all that JUnit files here have.
int check_xml(const std::string& text, const std::string& element, std::size_t wanted) {
  std::vector<std::string> open;
  std::size_t nr = 0;
  std::size_t nr_roots = 0;
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const std::size_t end = text.find('>', at);
    if (end == std::string::npos) return complain("a tag has no end");
    const std::string tag = text.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return complain("'<' inside a tag: " + tag);
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return complain("odd quotes in: " + tag);
    if (tag.starts_with("?")) continue;
    const std::string name = tag.substr(tag.starts_with("/") ? 1 : 0, tag.find_first_of(" />", 1) - (tag[0] == '/'));
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return complain("closed but not open: " + tag);
      open.pop_back();
      continue;
    }
    if (open.empty() && ++nr_roots > 1) return complain("two roots");
    nr += name == element ? 1 : 0;
    if (!tag.ends_with("/")) open.push_back(name);
  }
  for (std::size_t at = text.find('&'); at != std::string::npos; at = text.find('&', at + 1)) {
    const std::string entity = text.substr(at, text.find(';', at) - at + 1);
    if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;") {
      return complain("a bare '&'");
    }
  }
  if (!open.empty()) return complain("not closed: " + open.back());
  return nr == wanted ? 0 : complain(std::to_string(nr) + " elements " + element);
}

int check_ktap(const std::string& text) {
  if (!text.starts_with("KTAP version 1\n")) return complain("no KTAP header");
  std::vector<std::size_t> planned(2);
  std::vector<std::size_t> seen(2);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t depth = line.starts_with("  ") ? 1 : 0;
    const std::string rest = line.substr(depth * 2);
    if (rest.starts_with("1..")) planned[depth] = std::stoul(rest.substr(3));
    const std::size_t ok = rest.starts_with("ok ") ? 3 : rest.starts_with("not ok ") ? 7 : 0;
    if (ok == 0) continue;
    if (std::stoul(rest.substr(ok)) != ++seen[depth]) return complain("results out of order: " + line);
  }
  return planned == seen && seen[0] == 1 ? 0 : complain("the plan was not kept");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 2 ? argv[1] : "";
  const std::string text = argc > 2 ? contents(argv[2]) : "";
  if (kind == "json" && argc == 5) return check_json(text, argv[3], argv[4]);
  if (kind == "xml" && argc == 5) return check_xml(text, argv[3], std::stoul(argv[4]));
  if (kind == "ktap" && argc == 3) return check_ktap(text);
  return complain("usage: json FILE POINTER VALUE | xml FILE ELEMENT N | ktap FILE");
}
