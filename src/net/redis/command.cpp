#include "net/redis/command.hpp"

#include <hiredis/hiredis.h>
#include <new>

namespace rwp::net_redis {

void Command::encode_to(std::string& out) const {
  std::vector<const char*> words;
  words.reserve(sizes_.size());
  const char* next = bytes_.data();
  for (const std::size_t size : sizes_) {
    words.push_back(next);
    next += size;
  }
  sds encoded = nullptr;
  const int size = redisFormatSdsCommandArgv(&encoded, static_cast<int>(words.size()), words.data(),
                                             sizes_.data());
  if (size < 0 || encoded == nullptr) throw std::bad_alloc();
  out.append(encoded, sdslen(encoded));
  redisFreeSdsCommand(encoded);
}

}  // namespace rwp::net_redis
