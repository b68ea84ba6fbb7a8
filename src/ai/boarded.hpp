#pragma once

#include <rwp/ai/coalesced.hpp>
#include <rwp/ai/model.hpp>

#include <memory>
#include <string>

namespace rwp::ai {

/// What tells a call apart from others, by the options' scope and dialect.
std::string flight_key(const CoalescedOptions& options, const ChatRequest& request,
                       const std::string& default_model);

/// Asks `inner` when no other process of the fleet does; else it gets that one's answer. `board` of
/// the options is not null.
std::shared_ptr<Model> make_boarded(std::shared_ptr<Model> inner, CoalescedOptions options);

}  // namespace rwp::ai
