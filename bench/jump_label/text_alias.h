// TextAlias: a second, writable mapping of code that runs, so that no page is ever writable and executable at once.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "core/base/types.h"

namespace hvo::bench {

/// The pages of some code, replaced by shared ones with the same content, and mapped a second time for writing.
/// Code may run in those pages all the while. They stay replaced when this goes. A child that is forked without exec
/// shares them: it must not write.
class TextAlias {
 public:
  /// For the bytes [first, last). Error: one line for the user.
  static std::expected<TextAlias, std::string> make(std::byte* first, std::byte* last);
  TextAlias() = default;
  TextAlias(TextAlias&& other) noexcept
      : start_(other.start_),
        bytes_(std::exchange(other.bytes_, 0)),
        writable_(std::exchange(other.writable_, nullptr)) {}
  TextAlias& operator=(TextAlias&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(bytes_, other.bytes_);
    std::swap(writable_, other.writable_);
    return *this;
  }
  TextAlias(const TextAlias&) = delete;
  TextAlias& operator=(const TextAlias&) = delete;
  ~TextAlias();

  /// Where to write what is run at `code`, which lies in [first, last).
  std::byte* writable(const std::byte* code) const { return writable_ + (code - start_); }

 private:
  TextAlias(std::byte* start, u64 bytes, std::byte* writable) : start_(start), bytes_(bytes), writable_(writable) {}

  std::byte* start_ = nullptr;
  u64 bytes_ = 0;
  std::byte* writable_ = nullptr;
};

}  // namespace hvo::bench
