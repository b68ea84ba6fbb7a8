#include "pods/line_reader.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} << 10U;

}  // namespace

LineReader::LineReader(std::istream& stream, std::size_t max_line_bytes)
    : stream_(stream), max_line_bytes_(max_line_bytes), block_(kBlockBytes) {}

bool LineReader::fill() {
  if (!stream_.good()) return false;
  stream_.read(block_.data(), static_cast<std::streamsize>(block_.size()));
  at_ = 0;
  end_ = static_cast<std::size_t>(stream_.gcount());
  bytes_read_ += end_;
  return end_ > 0;
}

std::optional<Line> LineReader::next() {
  if (!given_back_.empty()) {
    Line line = std::move(given_back_.front());
    given_back_.pop_front();
    return line;
  }
  if (at_ == end_ && !fill()) return std::nullopt;
  Line line;
  line.number = ++lines_;
  bool ended = false;
  while (!ended && (at_ < end_ || fill())) {
    const char* begin = block_.data() + at_;
    const char* stop = std::find(begin, static_cast<const char*>(block_.data()) + end_, '\n');
    const auto length = static_cast<std::size_t>(stop - begin);
    // One byte above the bound is kept, as it may be the carriage return of the line's end.
    const std::size_t room = max_line_bytes_ + 1 - line.text.size();
    if (length > room) line.too_long = true;
    line.text.append(begin, std::min(length, room));
    at_ += length;
    if (at_ < end_) {
      ++at_;
      ended = true;
    }
  }
  if (!line.text.empty() && line.text.back() == '\r') line.text.pop_back();
  if (line.text.size() > max_line_bytes_) {
    line.too_long = true;
    line.text.resize(max_line_bytes_);
  }
  if (line.number == 1 && line.text.starts_with(kByteOrderMark)) line.text.erase(0, 3);
  return line;
}

void LineReader::give_back(std::deque<Line> lines) {
  given_back_.insert(given_back_.begin(), std::make_move_iterator(lines.begin()),
                     std::make_move_iterator(lines.end()));
}

}  // namespace rwp::pods
