// ObjectNames: names for the words of modelled memory, as somebody who knows the kernel would call them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "stress/explore/engine/requests.h"
#include "stress/explore/explain/past_memory.h"

namespace hvo::stress {

/// What a word of modelled memory is.
struct Object {
  enum class Kind : u8 {
    page_field,   ///< of the struct page at `va`
    page_counts,  ///< mapcount and refcount of it, in one access
    pte,          ///< maps the page of vmemmap at `va`
    pmd,          ///< maps the block of vmemmap at `va`
    spin_lock,
    mutex,
    rw_sem,
    static_key,
    request,  ///< a word of a mailbox
    counter,
    frame,  ///< bytes of a frame that maps nothing, as far as is known
    other,  ///< named by its offset in the arena
  };
  Kind kind = Kind::other;
  std::string name{};
  u64 va = 0;
  bool is_lock() const { return kind == Kind::spin_lock || kind == Kind::mutex || kind == Kind::rw_sem; }
};

/// Names of the words of one machine. Page tables are looked at as they are at the moment that `memory` has come to; a
/// table that is not published yet is known by the stores of `moments` that will publish it. Not thread-safe.
class ObjectNames {
 public:
  /// `memory` and its machine outlive the names.
  ObjectNames(const PastMemory& memory, const std::vector<Moment>& moments);

  /// What `moment` accessed or waited for. An access by address is called by that address, whatever is mapped there.
  Object of(const Moment& moment) const;
  /// What the word is that lies there.
  Object of_word(const void* word) const;
  /// page[17].refcount, for an address of the vmemmap.
  Object of_address(u64 va) const;

  /// page[8..15]: the pages whose struct pages lie at [first, last]; "all pages" for the whole vmemmap.
  std::string pages(u64 first, u64 last) const;
  /// An address of the vmemmap as a page, any other number as it is.
  std::string page_or_number(u64 va) const;
  /// "flush page[8..15]", "RCU grace period", "core sync".
  std::string request(const Moment& moment) const;

 private:
  struct Named {
    u64 bytes = 0;
    Object object;
  };
  void add(const void* first, u64 bytes, Object::Kind kind, std::string name);
  void add_locks();
  void add_counters();
  Object of_frame_word(const void* word) const;
  Object of_table_word(FrameNo frame, u64 index) const;
  /// The first address that a PTE or PMD of `frame` maps; nothing when it is no table.
  std::optional<Object> of_table(FrameNo frame) const;
  /// An address that maps this byte of a frame.
  std::optional<u64> mapped_at(FrameNo frame, u64 offset) const;

  const PastMemory& memory_;
  Machine& machine_;
  std::map<const std::byte*, Named> named_;
  std::map<u32, u64> tables_to_come_;  ///< frame → the first address that it will map
};

}  // namespace hvo::stress
