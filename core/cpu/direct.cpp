#include "core/cpu/direct.h"

#include "core/base/check.h"

namespace hvo {

u64 perform_directly(const Access& access, void* word, u64 frame_bytes) {
  if (access.kind == Kind::load_line) {
    direct_load_line(word, static_cast<u64*>(access.data));
    return 0;
  }
  if (access.kind == Kind::fill_frame) {
    std::memcpy(word, access.data, frame_bytes);
    return 0;
  }
  switch (access.size) {
    case 1: return direct(*static_cast<Word<u8>*>(word), access);
    case 2: return direct(*static_cast<Word<u16>*>(word), access);
    case 4: return direct(*static_cast<Word<u32>*>(word), access);
    case 8: return direct(*static_cast<Word<u64>*>(word), access);
    default: break;
  }
  check_failed("access.size", "a word has 1, 2, 4 or 8 bytes");
}

}  // namespace hvo
