#include "pods/ctl/progress.hpp"

#include "pods/ad_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDrawEvery{100};
/// What is over in no time flashes no bar.
constexpr std::chrono::milliseconds kFirstAfter{200};

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col;
  return 80;
}

}  // namespace

std::string bar_line(std::string_view label, double share, std::size_t done, std::size_t total,
                     double per_second, std::size_t width) {
  if (share < 0 && total > 0) share = static_cast<double>(done) / static_cast<double>(total);
  share = std::min(share, 1.0);
  std::string text;
  if (share >= 0) text += grouped(std::floor(share * 100)) + " %  ";
  text += grouped(static_cast<double>(done));
  if (total > 0) text += " of " + grouped(static_cast<double>(total));
  if (per_second > 0) text += "  " + grouped(per_second, per_second < 10 ? 1 : 0) + "/s";
  std::string line = std::string(label) + " ";
  constexpr std::size_t kCells = 24;
  if (share >= 0 && line.size() + kCells + text.size() + 4 < width) {
    const auto full = static_cast<std::size_t>(share * kCells);
    line += "[" + std::string(full, '#') + std::string(kCells - full, '.') + "] ";
  }
  line += text;
  return line.substr(0, width > 1 ? width - 1 : 1);
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), shown_(::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::size_t done, std::size_t total, double share) {
  if (!shown_) return;
  const auto now = Clock::now();
  if (now - start_ < kFirstAfter || now - drawn_ < kDrawEvery) return;
  drawn_ = now;
  const std::chrono::duration<double> elapsed = now - start_;
  const double rate = static_cast<double>(done) / elapsed.count();
  const auto line = bar_line(label_, share, done, total, rate, terminal_width());
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  std::fflush(stderr);
  on_line_ = true;
}

void ProgressBar::clear() {
  if (!on_line_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  on_line_ = false;
}

}  // namespace rwp::pods::ctl
