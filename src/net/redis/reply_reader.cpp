#include "net/redis/reply_reader.hpp"

#include <charconv>
#include <hiredis/read.h>
#include <string>
#include <utility>

namespace rwp::net_redis {
namespace {

/// Longest status, error, number or length; hiredis looks for its end anew whenever bytes come.
constexpr std::size_t kMaxLineBytes = std::size_t{64} << 10U;
constexpr std::size_t kMaxLengthBytes = 32;

/// The answer that is being put together.
struct Building {
  ReplyBounds bounds;
  std::size_t items = 0;
  std::size_t bytes = 0;
  const char* refused = nullptr;
};

// What hiredis calls. A child's place is in its parent, so only the outermost is freed.

Building& building_of(const redisReadTask* task) { return *static_cast<Building*>(task->privdata); }

void* refuse(Building& building, const char* why) noexcept {
  building.refused = why;
  return nullptr;
}

/// A place for what the task reads; null when it is not to be read.
Reply* place(const redisReadTask* task, Reply::Kind kind) {
  Building& building = building_of(task);
  if (++building.items > building.bounds.max_items) {
    building.refused = "an answer of too many parts";
    return nullptr;
  }
  Reply* made = nullptr;
  if (task->parent == nullptr) {
    made = std::make_unique<Reply>().release();
  } else {
    // The vector may move: of those before, none is being read.
    made = &static_cast<Reply*>(task->parent->obj)->items.emplace_back();
  }
  made->kind = kind;
  return made;
}

void free_reply(void* reply) noexcept {
  const std::unique_ptr<Reply> owned(static_cast<Reply*>(reply));
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
  try {
    Building& building = building_of(task);
    building.bytes += size;
    if (size > building.bounds.max_text_bytes || building.bytes > building.bounds.max_reply_bytes) {
      return refuse(building, "an answer of too many bytes");
    }
    const auto kind = task->type == REDIS_REPLY_ERROR    ? Reply::Kind::error
                      : task->type == REDIS_REPLY_STATUS ? Reply::Kind::status
                                                         : Reply::Kind::text;
    Reply* reply = place(task, kind);
    if (reply != nullptr) {
      try {
        reply->text.assign(text, size);
      } catch (const std::exception&) {
        if (task->parent == nullptr) free_reply(reply);
        throw;
      }
    }
    return reply;
  } catch (const std::exception&) {
    return nullptr;
  }
}

void* create_array(const redisReadTask* task, int elements) noexcept {
  try {
    Building& building = building_of(task);
    if (elements < 0 || static_cast<std::size_t>(elements) > building.bounds.max_items) {
      return refuse(building, "an answer of too many parts");
    }
    return place(task, Reply::Kind::array);
  } catch (const std::exception&) {
    return nullptr;
  }
}

void* create_integer(const redisReadTask* task, long long value) noexcept {
  try {
    Reply* reply = place(task, Reply::Kind::integer);
    if (reply != nullptr) reply->integer = value;
    return reply;
  } catch (const std::exception&) {
    return nullptr;
  }
}

void* create_nil(const redisReadTask* task) noexcept {
  try {
    return place(task, Reply::Kind::nil);
  } catch (const std::exception&) {
    return nullptr;
  }
}

struct ReaderDeleter {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};

}  // namespace

struct ReplyReader::State {
  redisReplyObjectFunctions functions{&create_string, &create_array, &create_integer, &create_nil,
                                      &free_reply};
  Building building{};
  // Freed first: it frees an answer begun.
  std::unique_ptr<redisReader, ReaderDeleter> reader;

  /// Why what is there of an answer can become none; null when it may.
  const char* wrong_beginning() const {
    const std::size_t pending = reader->len - reader->pos;
    if (pending == 0 || reader->ridx < 0) return nullptr;
    const std::string_view begun(reader->buf + reader->pos, pending);
    const int type = reader->rstack[reader->ridx].type;
    if (type != REDIS_REPLY_STRING && type != REDIS_REPLY_ARRAY) {
      return pending > kMaxLineBytes ? "a line without end" : nullptr;
    }
    const std::size_t end = begun.substr(0, kMaxLengthBytes).find('\r');
    if (end == std::string_view::npos) {
      return pending >= kMaxLengthBytes ? "a length without end" : nullptr;
    }
    std::size_t length = 0;
    const auto [stopped, problem] = std::from_chars(begun.data(), begun.data() + end, length);
    if (type == REDIS_REPLY_STRING && problem == std::errc() && stopped == begun.data() + end &&
        length > building.bounds.max_text_bytes) {
      return "an answer of too many bytes";
    }
    return nullptr;
  }
};

ReplyReader::ReplyReader(ReplyBounds bounds) : state_(std::make_unique<State>()) {
  state_->building.bounds = bounds;
  state_->reader.reset(redisReaderCreateWithFunctions(&state_->functions));
  if (!state_->reader) throw std::bad_alloc();
  state_->reader->privdata = &state_->building;
}

ReplyReader::~ReplyReader() = default;

void ReplyReader::feed(std::string_view bytes) {
  // A failure shows at the next answer.
  (void)redisReaderFeed(state_->reader.get(), bytes.data(), bytes.size());
}

Result<std::optional<Reply>> ReplyReader::next() {
  void* made = nullptr;
  redisReader& reader = *state_->reader;
  const int outcome = redisReaderGetReply(&reader, &made);
  const char* wrong = nullptr;
  if (outcome != REDIS_OK) {
    wrong = state_->building.refused != nullptr ? state_->building.refused : reader.errstr;
  } else if (made == nullptr) {
    wrong = state_->wrong_beginning();
  }
  if (wrong != nullptr) {
    return Error(Errc::corrupt, std::string("redis: not an answer that is taken: ") + wrong);
  }
  if (made == nullptr) return std::optional<Reply>();
  const std::unique_ptr<Reply> reply(static_cast<Reply*>(made));
  state_->building.items = 0;
  state_->building.bytes = 0;
  return std::optional<Reply>(std::move(*reply));
}

}  // namespace rwp::net_redis
