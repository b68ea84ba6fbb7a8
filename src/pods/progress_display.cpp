#include "pods/progress_display.hpp"

#include "pods/ad_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rwp::pods {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBarEvery = std::chrono::milliseconds(100);
constexpr auto kLineEvery = std::chrono::seconds(3);

std::string count_text(std::size_t number) { return grouped(static_cast<double>(number)); }

std::string time_text(double seconds) {
  const auto whole = static_cast<long>(std::ceil(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3'600)
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3'600) + " h " + std::to_string(whole % 3'600 / 60) + " min";
}

std::size_t terminal_width(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

/// How many adverts there will be: known once all are read, before from the share of bytes read.
double expected_total(const RunProgress& progress) {
  const auto submitted = static_cast<double>(progress.submitted);
  if (progress.all_read || progress.read_share <= 0) return submitted;
  return std::max(submitted, submitted / std::min(progress.read_share, 1.0));
}

}  // namespace

std::string progress_line(const RunProgress& progress, double seconds, double recent_rate,
                          std::size_t width, bool with_bar) {
  const std::size_t ended = progress.succeeded + progress.failed;
  const double total = expected_total(progress);
  const double share = total > 0 ? std::min(static_cast<double>(ended) / total, 1.0) : 0;
  const std::size_t running = std::min(progress.running, progress.submitted - ended);
  std::string text = grouped(std::floor(share * 100)) + " %  " + count_text(progress.succeeded) +
                     " done, " + count_text(running) + " running, " +
                     count_text(progress.submitted - ended - running) + " waiting";
  if (progress.failed > 0) text += ", " + count_text(progress.failed) + " failed";
  if (progress.rejected > 0) text += ", " + count_text(progress.rejected) + " refused";
  const double left = total - static_cast<double>(ended);
  const double rate = recent_rate > 0 ? recent_rate : 0;
  if (rate > 0) text += "  " + grouped(rate, rate < 10 ? 1 : 0) + "/s";
  if (left < 0.5 && progress.all_read) {
    text += "  " + time_text(seconds);
  } else if (rate > 0) {
    text += "  " + time_text(left / rate) + " left";
  }
  if (!with_bar) return text;
  const std::size_t room = width > text.size() + 6 ? width - text.size() - 6 : 0;
  const std::size_t cells = std::min<std::size_t>(room, 16);
  if (cells < 5) return text.substr(0, width > 1 ? width - 1 : 1);
  const auto full = static_cast<std::size_t>(share * static_cast<double>(cells));
  return "[" + std::string(full, '#') + std::string(cells - full, '.') + "]  " + text;
}

ProgressDisplay::ProgressDisplay(Progress kind, std::FILE* out) : kind_(kind), out_(out) {
  if (kind_ == Progress::automatic) {
    kind_ = ::isatty(::fileno(out)) == 1 ? Progress::bar : Progress::lines;
  }
  if (kind_ == Progress::lines) drawn_ = Clock::now();
}

ProgressDisplay::~ProgressDisplay() {
  if (on_line_) std::fputc('\n', out_);
}

void ProgressDisplay::show(const RunProgress& progress) {
  if (kind_ == Progress::none) return;
  const auto now = Clock::now();
  const auto every =
      kind_ == Progress::bar ? Clock::duration(kBarEvery) : Clock::duration(kLineEvery);
  if (now - drawn_ < every) return;
  drawn_ = now;
  draw(progress);
}

void ProgressDisplay::finish(const RunProgress& progress) {
  if (kind_ == Progress::none) return;
  draw(progress);
  if (on_line_) std::fputc('\n', out_);
  on_line_ = false;
  std::fflush(out_);
}

void ProgressDisplay::draw(const RunProgress& progress) {
  const auto now = Clock::now();
  const std::chrono::duration<double> elapsed = now - start_;
  const std::chrono::duration<double> since = now - rated_at_;
  const std::size_t ended = progress.succeeded + progress.failed;
  if (since.count() > 0.5) {
    const double latest = static_cast<double>(ended - ended_before_) / since.count();
    rate_ = rate_ > 0 ? 0.7 * rate_ + 0.3 * latest : latest;
    ended_before_ = ended;
    rated_at_ = now;
  }
  const bool at_end = progress.all_read && ended == progress.submitted;
  const double rate =
      at_end && elapsed.count() > 0 ? static_cast<double>(ended) / elapsed.count() : rate_;
  const bool bar = kind_ == Progress::bar;
  const std::string line =
      progress_line(progress, elapsed.count(), rate, bar ? terminal_width(out_) : 0, bar);
  // Back to the line's start, and what is left of a longer line before removed.
  std::fprintf(out_, bar ? "\r%s\x1b[K" : "%s\n", line.c_str());
  std::fflush(out_);
  on_line_ = bar;
}

}  // namespace rwp::pods
