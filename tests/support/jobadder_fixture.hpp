#pragma once

#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/jobadder/client.hpp>
#include <rwp/jobadder/oauth.hpp>
#include <rwp/jobadder/state_store.hpp>
#include <rwp/jobadder/token_keeper.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/testing/fake_jobadder.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace rwp::tests {

/// Processes that share one fake and one account's state, each a keeper and a client.
class JobAdderFixture : public ::testing::Test {
 protected:
  void start() { fake_ = testing::FakeJobAdder::start(options_).value(); }

  jobadder::OAuthOptions oauth() const {
    jobadder::OAuthOptions options;
    options.authorize_url = fake_->authorize_url();
    options.token_url = fake_->token_url();
    options.client_id = options_.client_id;
    options.client_secret = options_.client_secret;
    return options;
  }

  jobadder::TokenKeeperOptions keeper_options() {
    jobadder::TokenKeeperOptions options;
    options.oauth = oauth();
    options.transport = transport_;
    options.state = state_;
    return options;
  }
  std::shared_ptr<jobadder::TokenKeeper> make_keeper() {
    return std::make_shared<jobadder::TokenKeeper>(runtime_, keeper_options());
  }

  std::shared_ptr<jobadder::Client> make_client(std::shared_ptr<jobadder::TokenKeeper> keeper) {
    jobadder::ClientOptions options;
    options.transport = transport_;
    options.tokens = std::move(keeper);
    options.retry.first_wait = std::chrono::milliseconds(2);
    options.retry.max_attempts = 10;
    return std::make_shared<jobadder::Client>(std::move(options));
  }

  static SteadyTime soon() { return std::chrono::steady_clock::now() + kGuard; }

  Result<jobadder::Tokens> exchange() {
    return run(runtime_, jobadder::exchange_code(transport_, oauth(), fake_->new_code(),
                                                 "http://127.0.0.1/cb", soon()));
  }
  /// As a person does.
  void sign_in(const std::shared_ptr<jobadder::TokenKeeper>& keeper) {
    auto tokens = exchange();
    ASSERT_TRUE(tokens) << tokens.error().to_string();
    const auto kept = run(runtime_, keeper->keep(std::move(*tokens)));
    ASSERT_TRUE(kept) << kept.error().to_string();
  }

  Runtime runtime_;
  std::shared_ptr<net::HttpTransport> transport_ = net::make_curl_transport(runtime_);
  std::shared_ptr<jobadder::StateStore> state_ = jobadder::make_memory_state_store();
  testing::FakeJobAdderOptions options_;
  std::unique_ptr<testing::FakeJobAdder> fake_;
};

}  // namespace rwp::tests
