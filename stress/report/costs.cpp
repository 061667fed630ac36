#include "stress/report/costs.h"

namespace hvo::stress {

namespace {

std::optional<Ratio> over(u64 n, u64 cause, std::string_view per) {
  if (cause == 0) return std::nullopt;
  return Ratio{static_cast<double>(n) / static_cast<double>(cause), per};
}

}  // namespace

std::optional<Ratio> ratio_of(const RunResult& r, Event event) {
  const u64 n = r.events[event];
  const u64 folios = r.events[Event::folio_optimized] + r.events[Event::folio_restored];
  switch (event) {
    case Event::tlb_flush:
    case Event::grace_period:
    case Event::key_transition:
    case Event::pte_store: return over(n, folios, "folio");
    case Event::ipi_sent: return over(n, r.events[Event::tlb_flush], "flush");
    case Event::pte_page_alloc: return over(n, r.events[Event::pmd_split], "split");
    case Event::bytes_copied: return over(n, r.events[Event::folio_restored], "folio restored");
    case Event::tlb_fill: return over(n, r.nr_ops, "operation");
    default: return std::nullopt;
  }
}

std::string_view rule_meaning(Rule rule) {
  switch (rule) {
    case Rule::wrong_head: return "A lookup gave an answer that was at no moment true.";
    case Rule::read_only_store: return "Somebody wrote through a read-only mapping: a real kernel would have oopsed.";
    case Rule::stale_translation: return "An access went through a translation whose frame had moved on or was free.";
    case Rule::bad_page: return "A struct page was not in the state that it must have at this point.";
    case Rule::conservation: return "Frames, pages, flags or page tables do not add up: something leaked or is double.";
    case Rule::lock_order: return "A lock was taken in the wrong order, or a CPU slept or waited where it must not.";
    case Rule::range: return "A number left its range: a leaf taken for a table, a count below zero, a bad address.";
    case Rule::break_before_make:
      return "A valid translation was replaced by another one without being made invalid and flushed in between: this "
             "machine's architecture forbids that.";
    case Rule::cost: return "An operation flushed, waited or split more often than its design allows.";
  }
  return "?";
}

}  // namespace hvo::stress
