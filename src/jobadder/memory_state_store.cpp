#include <rwp/jobadder/state_store.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace rwp::jobadder {
namespace {

class MemoryStateStore final : public StateStore {
 public:
  boost::asio::awaitable<Result<StateCell>> get(std::string name) override {
    const auto found = cells_.find(name);
    if (found == cells_.end()) co_return Error(Errc::not_found, "no state '" + name + "'");
    co_return found->second;
  }

  boost::asio::awaitable<Result<std::string>> put(std::string name, std::string text,
                                                  std::string version) override {
    const auto found = cells_.find(name);
    const std::string standing = found == cells_.end() ? std::string() : found->second.version;
    if (standing != version) {
      co_return Error(Errc::conflict, "state '" + name + "' has been written meanwhile");
    }
    std::string next = std::to_string(++writes_);
    cells_.insert_or_assign(std::move(name), StateCell{std::move(text), next});
    co_return next;
  }

 private:
  std::map<std::string, StateCell> cells_;
  std::uint64_t writes_ = 0;
};

}  // namespace

std::shared_ptr<StateStore> make_memory_state_store() {
  return std::make_shared<MemoryStateStore>();
}

}  // namespace rwp::jobadder
