#include "jobs_postgres/handover.hpp"

#include "jobs_postgres/claim.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using std::chrono::steady_clock;

bool is_for(const jobs::ClaimRequest& request, const jobs::ClaimedJob& job) {
  // It is recorded as started.
  if (request.start == 0) return false;
  const Lane lane{.queue = job.queue, .kind = job.kind, .version = job.version};
  return supports(request, lane);
}

}  // namespace

class Handovers::Offer {
 public:
  Offer(jobs::ClaimRequest of, std::function<void()> how)
      : request(std::move(of)), tell(std::move(how)) {}

  const jobs::ClaimRequest request;
  const std::function<void()> tell;
  bool is_taken = false;
};

Handovers::Handovers(Runtime& runtime, std::shared_ptr<ClaimNumbers> numbers)
    : runtime_(runtime), numbers_(std::move(numbers)) {}

Handovers::Reserved::~Reserved() {
  if (number_ != 0) numbers_->give_up(number_);
}

Handovers::Reserved::Reserved(Reserved&& other) noexcept
    : numbers_(std::move(other.numbers_)),
      offer_(std::move(other.offer_)),
      number_(std::exchange(other.number_, 0)),
      lease_(other.lease_),
      begun_(other.begun_) {}

Handovers::Reserved& Handovers::Reserved::operator=(Reserved&& other) noexcept {
  std::swap(numbers_, other.numbers_);
  std::swap(offer_, other.offer_);
  std::swap(number_, other.number_);
  std::swap(lease_, other.lease_);
  std::swap(begun_, other.begun_);
  return *this;
}

std::shared_ptr<Handovers::Offer> Handovers::offer(jobs::ClaimRequest request,
                                                   std::function<void()> tell) {
  auto made = std::make_shared<Offer>(std::move(request), std::move(tell));
  std::erase_if(offers_, [](const auto& offer) { return offer.expired(); });
  offers_.push_back(made);
  return made;
}

Handovers::Reserved Handovers::reserve(const Lane& lane) {
  Reserved reserved;
  for (const auto& weak : offers_) {
    const auto offer = weak.lock();
    if (!offer || offer->is_taken || offer->request.start == 0 || closed_) continue;
    if (!supports(offer->request, lane)) continue;
    offer->is_taken = true;
    used_ = true;
    reserved.numbers_ = numbers_;
    reserved.offer_ = weak;
    reserved.number_ = numbers_->next();
    reserved.lease_ = offer->request.lease;
    reserved.begun_ = steady_clock::now();
    break;
  }
  return reserved;
}

void Handovers::hand(Reserved reserved, jobs::ClaimedJob job) {
  if (closed_) return;
  const auto lease = reserved.lease_;
  const SteadyTime begun = reserved.begun_;
  const auto offered = reserved.offer_.lock();
  handed_.push_back(
      {.job = std::move(job), .lease = lease, .begun = begun, .reserved = std::move(reserved)});
  if (offered) {
    offered->tell();
  } else {
    // Its wait has ended meanwhile; perhaps it waits anew.
    for (const auto& weak : offers_) {
      const auto other = weak.lock();
      if (!other || !is_for(other->request, handed_.back().job)) continue;
      other->is_taken = true;
      other->tell();
      break;
    }
  }
  if (sweeping_) return;
  sweeping_ = true;
  std::weak_ptr<Handovers> weak = weak_from_this();
  sweeper_ = Task(runtime_.executor(), sweep(), [weak](std::exception_ptr) {
    if (const auto self = weak.lock()) self->sweeping_ = false;
  });
}

std::vector<Handovers::Handed> Handovers::take(const jobs::ClaimRequest& request) {
  std::vector<Handed> taken;
  const SteadyTime now = steady_clock::now();
  const std::size_t most = std::min(request.limit, request.start);
  for (auto it = handed_.begin(); it != handed_.end() && taken.size() < most;) {
    if (now - it->begun >= kHandedFor || !is_for(request, it->job)) {
      ++it;
      continue;
    }
    taken.push_back(std::move(*it));
    it = handed_.erase(it);
  }
  return taken;
}

bool Handovers::has_any(const jobs::ClaimRequest& request) const {
  // What is on its way back is not given any more: who waits for it would go round and round.
  const SteadyTime now = steady_clock::now();
  return std::any_of(handed_.begin(), handed_.end(), [&](const Handed& handed) {
    return now - handed.begun < kHandedFor && is_for(request, handed.job);
  });
}

awaitable<void> Handovers::sweep() {
  const auto self = shared_from_this();
  while (!handed_.empty() && !closed_) {
    const auto slept = co_await sleep_until(handed_.front().begun + kHandedFor);
    if (!slept) co_return;
    std::vector<Handed> late;
    const SteadyTime now = steady_clock::now();
    while (!handed_.empty() && now - handed_.front().begun >= kHandedFor) {
      late.push_back(std::move(handed_.front()));
      handed_.pop_front();
    }
    if (!late.empty() && give_back_) co_await give_back_(std::move(late));
  }
  sweeping_ = false;
}

std::vector<Handovers::Handed> Handovers::close() {
  closed_ = true;
  sweeper_.cancel();
  std::vector<Handed> left(std::make_move_iterator(handed_.begin()),
                           std::make_move_iterator(handed_.end()));
  handed_.clear();
  return left;
}

}  // namespace rwp::jobs_postgres
