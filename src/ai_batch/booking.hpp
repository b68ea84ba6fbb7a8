#pragma once

#include "ai_batch/row.hpp"
#include <rwp/ai/batch_format.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai_batch/booking_options.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace rwp::ai_batch {

/// Names one wait of one job, and no other: what is held and booked for it has its ids from this.
std::string wait_name(const Uuid& job, const std::string& key);

/// So often is an answer taken up again that the ledger did not take: for a quarter of an hour.
inline constexpr int kMostBookings = 20;
/// How long to wait before that, after so many times.
std::chrono::milliseconds booking_wait(int times);

struct Booked {
  Result<ai::ChatReply> reply{};
  /// What the ledger did not take; success: all stands there.
  Result<void> in_ledger{};

  /// Whether doing it again may help.
  bool is_owed() const;
};

/// Reads what a batch brought to `request`, settles the money that was held for it, and counts and
/// books it. Done again, by whichever process, it settles and books nothing more; `is_again`: as
/// far as is known somebody has done it, so that no metric and no trace has it twice.
boost::asio::awaitable<Booked> book_answer(std::shared_ptr<const ai::BatchFormat> format,
                                           BookingOptions options, std::string wait,
                                           Delivery delivery, ai::ChatRequest request,
                                           bool is_again);

}  // namespace rwp::ai_batch
