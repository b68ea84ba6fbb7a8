#include <rwp/jobs/state_machine.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>
#include <support/property.hpp>
#include <support/reference_job.hpp>
#include <vector>

namespace rwp::jobs {
namespace {

using namespace std::chrono_literals;
using tests::Dice;
using tests::ReferenceJob;

constexpr std::size_t kMaxCommands = 20;
constexpr TimePoint kStart = TimePoint(std::chrono::hours(24 * 365 * 56));

RunOutcome any_outcome(Dice& dice) {
  const std::chrono::milliseconds delay = dice.roll(3) * 1s;
  switch (dice.roll(10)) {
    case 0:
      return Succeed{};
    case 1:
    case 2:
      return Retry{Error(Errc::unavailable, "again"), delay};
    case 3:
      return Fail{Error(Errc::invalid_argument, "never")};
    case 4:
      return Snooze{delay};
    case 5:
    case 6:
      return Park{.key = dice.one_in(2) ? "a" : "b", .timeout = 2s};
    case 7:
      return HandBack{};
    case 8:
      return Crashed{Error(Errc::internal, "died"), delay};
    default:
      return Cancelled{};
  }
}

/// One job in both worlds, driven by the same commands.
class Pair {
 public:
  explicit Pair(Dice& dice)
      : dice_(dice),
        max_attempts_(1 + static_cast<int>(dice.roll(3))),
        is_deadly_(dice.one_in(8)),
        due_(kStart + (dice.one_in(3) ? 2s : 0s)),
        reference_(max_attempts_, due_, kStart) {
    NewJob job;
    job.max_attempts = max_attempts_;
    life_ = machine::submit(job, due_, kStart);
  }

  void step() {
    if (is_deadly_ && !dice_.one_in(4)) {
      if (reference_.state == JobState::running) {
        lose();
      } else {
        claim();
      }
      return;
    }
    switch (dice_.roll(14)) {
      case 0:
        now_ += dice_.roll(4) * 1s;
        trace_ << "time " << (now_ - kStart) / 1s << "s; ";
        break;
      case 1:
        take("due", machine::become_due(life_, now_), reference_.time_comes(now_));
        break;
      case 2:
      case 3:
      case 4:
        claim();
        break;
      case 5:
        start();
        break;
      case 6:
      case 7:
      case 8:
        finish();
        break;
      case 9:
        lose();
        break;
      case 10: {
        const std::string key = dice_.one_in(2) ? "a" : "b";
        take("unpark", machine::unpark(life_, key), reference_.unpark(key));
        break;
      }
      case 11:
        take("park ends", machine::park_deadline(life_, now_), reference_.park_runs_out(now_));
        break;
      case 12:
        cancel();
        break;
      default:
        take("retry", machine::retry(life_, now_), reference_.retry(now_));
    }
  }

  /// Empty when the two worlds agree.
  std::string difference() const {
    std::ostringstream out;
    compare(out, "state", enum_name(life_.state), enum_name(reference_.state));
    compare(out, "reason", enum_name(life_.end_reason), enum_name(reference_.reason));
    compare(out, "attempt", life_.attempt, reference_.failed_attempts);
    compare(out, "marks", life_.suspect_marks, reference_.marks);
    compare(out, "crashes", life_.crashes, reference_.deaths_alone);
    compare(out, "cancel", life_.cancel_requested, reference_.cancel_wanted);
    compare(out, "errors", errors_, reference_.errors);
    compare(out, "alone", runs_alone(life_), reference_.must_run_alone());
    compare(out, "started", life_.started,
            reference_.state == JobState::running && reference_.runs.back().begun);
    if (reference_.state == JobState::scheduled || reference_.state == JobState::parked) {
      compare(out, "due", (life_.run_at - kStart).count(), (reference_.due - kStart).count());
    }
    if (reference_.state == JobState::parked) {
      compare(out, "key", life_.park_key, reference_.waits_for);
    }
    const bool held = machine::holds(life_, reference_.highest_token()).has_value();
    compare(out, "holds", held, reference_.heartbeat(reference_.highest_token()) == Errc::none);
    if (!refusal_.empty()) out << refusal_;
    return out.str().empty() ? std::string() : out.str() + "after: " + trace_.str();
  }

 private:
  template <class T, class U>
  static void compare(std::ostream& out, const char* what, const T& machine, const U& reference) {
    if (machine != reference) {
      out << what << ": machine " << machine << ", reference " << reference << "; ";
    }
  }

  /// A token of some run: mostly the latest, now and then an older or an unknown one.
  std::uint64_t some_token() {
    if (reference_.runs.empty() || dice_.one_in(12)) return dice_.roll(5);
    if (dice_.one_in(3)) return reference_.runs[dice_.roll(reference_.runs.size())].token;
    return reference_.highest_token();
  }

  void take(const char* command, const Result<Transition>& step, Errc expected) {
    trace_ << command << "; ";
    const Errc answered = step ? Errc::none : step.error().code();
    if (answered != expected) {
      refusal_ = std::string(command) + ": machine " + std::string(to_string(answered)) +
                 ", reference " + std::string(to_string(expected)) + "; ";
    }
    if (!step) return;
    if (!step->changed && step->next != life_) refusal_ = "unchanged, and yet different; ";
    if (step->error) ++errors_;
    life_ = step->next;
  }

  void claim() {
    const bool begun = !dice_.one_in(3);
    const std::uint64_t floor = dice_.one_in(4) ? reference_.highest_token() + dice_.roll(5) : 0;
    const std::uint64_t before = life_.run_token;
    auto step = machine::claim(life_, floor, begun);
    const std::uint64_t token = step ? step->next.run_token : 0;
    if (step && (token <= before || token <= reference_.highest_token() || token < floor)) {
      refusal_ = "the token did not rise; ";
    }
    take(begun ? "claim" : "prefetch", step, reference_.claim(token, begun));
  }

  void lose() {
    const auto step = machine::lose(life_);
    if (step && step->next.run_token <= life_.run_token) refusal_ = "a loss raised no token; ";
    take("lose", step, reference_.lose());
  }

  void start() {
    const std::uint64_t token = some_token();
    take("start", machine::start(life_, token), reference_.begin(token));
  }

  void finish() {
    const std::uint64_t token = some_token();
    const RunOutcome outcome = any_outcome(dice_);
    trace_ << "outcome " << outcome.index() << " with " << token << ": ";
    take("finish", machine::finish(life_, token, outcome, now_),
         reference_.finish(token, outcome, now_));
  }

  void cancel() {
    const bool changes = !has_ended(reference_.state) && !reference_.cancel_wanted;
    const Transition step = machine::cancel(life_);
    if (step.changed != changes) refusal_ = "cancel: changed is wrong; ";
    reference_.cancel();
    take("cancel", step, Errc::none);
  }

  Dice& dice_;
  int max_attempts_;
  /// Most runs of this job die; else the crash budget would hardly ever be spent.
  bool is_deadly_;
  TimePoint due_;
  ReferenceJob reference_;
  Lifecycle life_{};
  TimePoint now_ = kStart;
  int errors_ = 0;
  std::ostringstream trace_;
  std::string refusal_;
};

TEST(JobMachinePropertyTest, RandomLivesAgreeWithTheReferenceModel) {
  const std::uint64_t sequences = tests::property_sequences(100'000);
  const std::uint64_t seed = tests::property_seed();
  std::cout << "RWP_PROPERTY_SEED=" << seed << ", " << sequences << " sequences\n";
  Dice dice(seed);

  for (std::uint64_t sequence = 0; sequence < sequences; ++sequence) {
    Pair pair(dice);
    const std::size_t commands = 1 + dice.roll(kMaxCommands);
    for (std::size_t i = 0; i < commands; ++i) {
      pair.step();
      const std::string difference = pair.difference();
      ASSERT_EQ(difference, "") << "sequence " << sequence << ", RWP_PROPERTY_SEED=" << seed;
    }
  }
}

}  // namespace
}  // namespace rwp::jobs
