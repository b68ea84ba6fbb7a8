#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/net/http_message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_openai {

/// What a server says went wrong; members are empty when it does not say.
struct ServerError {
  std::string message{};
  std::string type{};
  std::string code{};
  std::string param{};
};

/// Reads the error object of an answer's body, in the forms that OpenAI and compatible servers
/// give; empty members for a body that has none (a proxy's page).
ServerError read_server_error(std::string_view body);

/// The same from a document; none when it holds no error.
std::optional<ServerError> find_server_error(JsonView document);

/// Who answered, for messages.
struct Speaker {
  /// "api.openai.com".
  std::string host{};
  /// Masked wherever the server repeats it.
  Secret key{};
};

/// What a status other than 2xx means, with the server's words: code, parameter, request id;
/// retry_after from the header.
Error to_error(const Speaker& speaker, int status, const net::HttpHeaders& headers,
               const ServerError& said);

/// The same for an error within an answer of status 200 (a stream's event).
Error to_error(const Speaker& speaker, const net::HttpHeaders& headers, const ServerError& said);

/// A good answer that is none: `Errc::corrupt`, worth a retry; with the request id.
Error broken_answer(const Speaker& speaker, const net::HttpHeaders& headers, std::string_view why);

}  // namespace rwp::ai_openai
