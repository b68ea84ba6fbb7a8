#pragma once

#include <rwp/core/json_text.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace rwp {

/// Appends `text` as a quoted JSON string. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Writes one JSON document front to back; the commas are its business.
///
/// Calls in an order that no document has (a value without a key inside an object) assert.
/// Threads: one at a time.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  /// NaN and the infinities, which JSON does not have, become null.
  JsonWriter& value(double number);
  JsonWriter& value(const JsonText& document);
  JsonWriter& null();

  template <class T>
  JsonWriter& member(std::string_view name, const T& thing) {
    key(name);
    return value(thing);
  }

  /// The finished document; the writer is empty afterwards.
  JsonText finish();

 private:
  void separate();
  void begin_value();
  void begin_level(char bracket);
  void end_level(char bracket);

  std::string out_;
  /// A character a level, whose bits say what it is: few levels take no memory of their own.
  std::string levels_;
  bool after_key_ = false;
};

}  // namespace rwp
