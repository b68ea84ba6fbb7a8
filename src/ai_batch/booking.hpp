#pragma once

#include "ai_batch/row.hpp"
#include <rwp/ai/batch_format.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai_batch/booking_options.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace rwp::ai_batch {

/// Names one wait of one job, and no other: what is held and booked for it has its ids from this.
std::string wait_name(const Uuid& job, const std::string& key);

/// Reads what a batch brought to `request`, settles the money that was held for it, and counts and
/// books it. Done again, by whichever process, it settles and books nothing more.
boost::asio::awaitable<Result<ai::ChatReply>> book_answer(
    std::shared_ptr<const ai::BatchFormat> format, BookingOptions options, std::string wait,
    Delivery delivery, ai::ChatRequest request);

}  // namespace rwp::ai_batch
