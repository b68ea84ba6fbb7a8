#include <rwp/observability/log.hpp>

#include <algorithm>

namespace rwp::observability {
namespace {

/// `standing`, in which a field of the same name gives way to the one nearer to the call.
template <class Fields>
std::vector<LogField> merge(const std::vector<LogField>& standing, const Fields& nearer) {
  std::vector<LogField> merged;
  merged.reserve(standing.size() + nearer.size());
  for (const LogField& field : standing) {
    const bool replaced = std::any_of(nearer.begin(), nearer.end(), [&](const LogField& other) {
      return other.name() == field.name();
    });
    if (!replaced) merged.push_back(field);
  }
  merged.insert(merged.end(), nearer.begin(), nearer.end());
  return merged;
}

}  // namespace

void Logger::log(LogLevel level, std::string_view event,
                 std::initializer_list<LogField> fields) const {
  if (!enabled(level)) return;
  sink_->write(level, event, merge(fields_, fields));
}

void Logger::gather(LogLevel level, std::string_view event,
                    const std::vector<LogField>& fields) const {
  if (!enabled(level)) return;
  if (fields_.empty()) {
    sink_->gather(level, event, fields);
  } else {
    sink_->gather(level, event, merge(fields_, fields));
  }
}

Logger Logger::with(std::initializer_list<LogField> fields) const {
  Logger extended = *this;
  extended.fields_ = merge(fields_, fields);
  return extended;
}

}  // namespace rwp::observability
