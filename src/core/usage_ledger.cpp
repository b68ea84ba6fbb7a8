#include <rwp/core/usage_ledger.hpp>

namespace rwp {

std::string_view to_string(UsageSource source) noexcept {
  switch (source) {
    case UsageSource::call:
      return "call";
    case UsageSource::batch:
      return "batch";
    case UsageSource::cache:
      return "cache";
    case UsageSource::shared:
      return "shared";
  }
  return "call";
}

boost::asio::awaitable<Result<std::vector<UsageGroup>>> UsageLedger::groups(UsageFilter,
                                                                            std::size_t) {
  co_return Error(Errc::unsupported, "this usage ledger keeps no groups apart");
}

}  // namespace rwp
