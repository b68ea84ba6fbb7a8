#pragma once

#include <rwp/ai/model.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace rwp::testing {

/// A model whose answers a test writes beforehand, and which keeps what it was asked.
///
///     auto model = std::make_shared<rwp::testing::ScriptedModel>("gpt-test");
///     model->answer(R"({"skills":[]})").fail(Error(Errc::rate_limited, "busy"));
///
/// Each call of chat() or stream() takes the next answer of the script; when none is left, the
/// handler of answer_with() is asked, and without one the call is `Errc::internal`.
/// Threads: one at a time.
class ScriptedModel final : public ai::Model {
 public:
  using Handler = std::function<Result<ai::ChatReply>(const ai::ChatRequest& request)>;
  using EmbedHandler = std::function<Result<ai::EmbedReply>(const ai::EmbedRequest& request)>;

  /// `name` is its default model, and the one that its replies name when they name none.
  explicit ScriptedModel(std::string name = "scripted");

  ScriptedModel& answer(std::string content);
  ScriptedModel& answer(ai::ChatReply reply);
  ScriptedModel& fail(Error error);
  /// Streams only: hands out the first `pieces` pieces of `content`, then fails.
  ScriptedModel& break_stream(std::string content, std::size_t pieces, Error error);
  /// Answers what the script does not.
  ScriptedModel& answer_with(Handler handler);
  /// Answers embed(); without it embed() is `Errc::unsupported`.
  ScriptedModel& embed_with(EmbedHandler handler);
  /// Bytes of a streamed piece; 8 unless set, at least 1.
  ScriptedModel& piece_bytes(std::size_t bytes);

  const std::vector<ai::ChatRequest>& chat_requests() const noexcept { return chat_requests_; }
  const std::vector<ai::EmbedRequest>& embed_requests() const noexcept { return embed_requests_; }
  /// Answers that nobody has asked for yet.
  std::size_t answers_left() const noexcept { return script_.size(); }

  std::string default_model() const override { return name_; }

 private:
  struct Step {
    Result<ai::ChatReply> outcome{};
    /// What a stream hands out before a failure.
    std::string partial{};
    std::size_t partial_pieces = 0;
  };

  Step next(const ai::ChatRequest& request);
  bool hand_out(const std::string& content, std::size_t most_pieces,
                const ai::OnDelta& on_delta) const;

  boost::asio::awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override;
  boost::asio::awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                                          ai::OnDelta on_delta) override;
  boost::asio::awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override;

  const std::string name_;
  std::size_t piece_bytes_ = 8;
  std::deque<Step> script_;
  Handler handler_;
  EmbedHandler embed_handler_;
  std::vector<ai::ChatRequest> chat_requests_;
  std::vector<ai::EmbedRequest> embed_requests_;
};

}  // namespace rwp::testing
