// The model test: random sequences of events on a Machine and on a naive model of maps and sets, compared after each.
//
// What it does. RapidCheck makes up to 100 events: pages and compounds of any order taken and put, references, pools of
// both sizes grown, shrunk, overcommitted and demoted, folios handed out, dissolved and put, the sysctl switched, the
// n-th or every n-th allocation of a frame failing, memory filled up to the last page. A Twin (twin.h) lives through
// them on both sides and compares, after every event: the counters of the pools, each folio with its order, references
// and flags, the static key, frames and PTE pages counted from the page tables, free pages, and what compound_head,
// page_folio, PageHead, PageTail, PageCompound and PageHuge say of each pfn (on x86-64: of those where answers change).
// Every few events the machine recounts itself. In the end all is given back, and the machine is as at boot but for its
// PTE pages.
// What it proves beside. The canaries remove a safeguard from the machine, or bend a rule of the model, and expect a
// counterexample: the comparison can fail.
// When it fails. RapidCheck shrinks the events and they are printed, with the seed and how to rerun. RC_PARAMS also
// takes max_success, a per cent of the usual number of cases: RC_PARAMS="max_success=1000" runs ten times as many.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <initializer_list>
#include <sstream>
#include <string>
#include <tuple>

#include "tests/model/twin.h"

namespace hvo::test {
namespace {

constexpr int kCanaryCases = 1000;  ///< at most: the first counterexample ends it

rc::Gen<ModelEvent> any_event() {
  const auto kind = rc::gen::weightedElement<EventKind>({{6, EventKind::take_pages},
                                                         {4, EventKind::get_page},
                                                         {12, EventKind::put_page},
                                                         {8, EventKind::alloc_hugetlb},
                                                         {5, EventKind::alloc_migrate},
                                                         {8, EventKind::set_max},
                                                         {3, EventKind::set_overcommit},
                                                         {6, EventKind::demote},
                                                         {3, EventKind::dissolve},
                                                         {2, EventKind::set_sysctl},
                                                         {5, EventKind::fail_nth},
                                                         {2, EventKind::fail_every},
                                                         {3, EventKind::fail_never},
                                                         {3, EventKind::fill_memory},
                                                         {3, EventKind::give_memory_back}});
  const auto number = rc::gen::inRange<u32>(0, 64);
  return rc::gen::map(rc::gen::tuple(kind, number, number), [](const std::tuple<EventKind, u32, u32>& t) {
    return ModelEvent{std::get<0>(t), std::get<1>(t), std::get<2>(t)};
  });
}

/// Says nothing: of a failure that is expected nobody wants to know how to rerun it.
class Quiet : public rc::detail::TestListener {
 public:
  void onTestCaseFinished(const rc::detail::CaseDescription& /*description*/) override {}
  void onShrinkTried(const rc::detail::CaseDescription& /*shrink*/, bool /*accepted*/) override {}
  void onTestFinished(const rc::detail::TestMetadata& /*metadata*/, const rc::detail::TestResult& /*result*/) override {
  }
};

/// Sizes of which the last may have room for a small folio and for no large one.
rc::Gen<u64> any_tiny_memory() { return rc::gen::element<u64>(128, 160, 256, 352, 512); }

/// Tries `cases` sequences, more or fewer when RC_PARAMS says so. Adds to `happened` what happened in them.
rc::detail::TestResult try_cases(const TwinConfig& config, int cases, EventCounts& happened) {
  rc::detail::TestParams params = rc::detail::configuration().testParams;
  params.maxSuccess = std::max(1, params.maxSuccess * cases / 100);
  const bool is_tiny = config.geometry == "tiny";
  // A case of a large machine takes too long to be tried hundreds of times.
  params.disableShrinking = params.disableShrinking || !is_tiny;
  rc::detail::TestMetadata metadata;
  metadata.id = testing::UnitTest::GetInstance()->current_test_info()->name();
  Quiet listener;
  const auto property = [&] {
    TwinConfig mine = config;
    if (is_tiny) mine.memory_pages = *any_tiny_memory().as("memory in pages");
    const Events events = *rc::gen::container<Events>(any_event()).as("events");
    Twin twin(mine);
    const auto wrong = twin.run(events);
    happened += twin.counts();
    if (wrong) RC_FAIL(*wrong);
  };
  return rc::detail::checkProperty(rc::detail::toProperty(property), metadata, params, listener,
                                   rc::detail::configuration().reproduce);
}

/// The seed is that of the whole run: a test alone makes the same cases of it.
std::string how_to_rerun() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::ostringstream os;
  os << "rerun: RC_PARAMS=\"" << rc::detail::configToMinimalString(rc::detail::configuration())
     << "\" model_test --gtest_filter='" << test->test_suite_name() << '.' << test->name() << "'";
  return os.str();
}

/// What happened meanwhile.
EventCounts expect_agreement(const TwinConfig& config, int cases) {
  EventCounts happened;
  const rc::detail::TestResult result = try_cases(config, cases, happened);
  if (result.is<rc::detail::SuccessResult>()) return happened;
  std::ostringstream os;
  rc::detail::printResultMessage(result, os);
  ADD_FAILURE() << os.str() << '\n' << how_to_rerun();
  return happened;
}

/// A counterexample is found, and it says this.
void expect_counterexample(const TwinConfig& config, const std::string& what) {
  EventCounts happened;
  const rc::detail::TestResult result = try_cases(config, kCanaryCases, happened);
  ASSERT_TRUE(result.is<rc::detail::FailureResult>()) << "nothing was noticed; " << how_to_rerun();
  const std::string& description = result.get<rc::detail::FailureResult>().description;
  EXPECT_NE(description.find(what), std::string::npos) << description << '\n' << how_to_rerun();
}

/// A run that never got there proves nothing.
void expect_hit(const EventCounts& happened, std::initializer_list<Event> events) {
  for (const Event event : events)
    EXPECT_GT(happened[event], 0U) << kEventNames[static_cast<unsigned>(event)] << "; " << how_to_rerun();
}

TEST(ModelTest, TinyMachineWithFakeHeadsDoesWhatTheModelSays) {
  const EventCounts happened = expect_agreement({}, 3000);
  if (HasFailure()) return;
  expect_hit(happened, {Event::folio_optimized, Event::folio_restored, Event::folio_demoted, Event::folio_dissolved,
                        Event::surplus_alloc, Event::window_optimize_enomem, Event::window_partial_rollback,
                        Event::window_restore_enomem, Event::window_surplus_by_failure, Event::window_demote_enomem,
                        Event::window_dissolve_undone, Event::alloc_failure_injected});
  // Each injected failure is one of these; the others met an empty budget.
  EXPECT_GT(happened[Event::window_optimize_enomem] + happened[Event::window_restore_enomem],
            happened[Event::alloc_failure_injected])
      << how_to_rerun();
}

TEST(ModelTest, TinyMachineWithTwoKeptFramesDoesWhatTheModelSays) {
  const EventCounts happened = expect_agreement({.design = "two-frame"}, 800);
  if (!HasFailure()) expect_hit(happened, {Event::folio_optimized, Event::folio_restored, Event::folio_demoted});
}

TEST(ModelTest, TinyMachineWithoutHvoDoesWhatTheModelSays) {
  const EventCounts happened = expect_agreement({.design = "none"}, 800);
  if (!HasFailure()) expect_hit(happened, {Event::huge_alloc, Event::surplus_alloc, Event::folio_demoted});
}

TEST(ModelTest, X86MachineDoesWhatTheModelSays) {
  expect_agreement({.geometry = "x86-64", .memory_pages = u64{1} << 19}, 6);
}

// ---- canaries: the comparison can fail
// --------------------------------------------------------------------------

TwinConfig without(Safeguard safeguard) { return {.safeguards = Safeguards{}.without(safeguard)}; }

TEST(ModelCanaryTest, MachineThatLeavesCopiesOfTheHeadInRestoredTailsIsCaught) {
  expect_counterexample(without(Safeguard::reset_struct_pages), "expected ");
}

TEST(ModelCanaryTest, MachineThatFreesFramesOfAnUnsplitBlockIsCaught) {
  expect_counterexample(without(Safeguard::split_page_of_block), "expected ");
}

TEST(ModelCanaryTest, ModelOfFoliosThatKeepOneMoreFrameIsContradicted) {
  expect_counterexample({.rules = {.optimized_keeps_its_frames_only = false}}, "expected ");
}

TEST(ModelCanaryTest, ModelThatTakesFakeHeadsForHeadsIsContradicted) {
  expect_counterexample({.rules = {.tails_of_every_page_are_tails = false}}, "PageHead");
}

TEST(ModelCanaryTest, ModelThatKeepsSurplusFoliosIsContradicted) {
  expect_counterexample({.rules = {.surplus_leaves_at_put = false}}, "expected ");
}

TEST(ModelCanaryTest, ModelThatForgetsAFailedRestoreIsContradicted) {
  expect_counterexample({.rules = {.failed_restore_is_surplus = false}}, "expected ");
}

}  // namespace
}  // namespace hvo::test
