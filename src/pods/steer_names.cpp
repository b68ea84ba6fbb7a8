#include "pods/steer_names.hpp"

namespace rwp::pods {

std::string_view outcome_name(jobs::CancelOutcome outcome) {
  switch (outcome) {
    case jobs::CancelOutcome::cancelled:
      return "cancelled";
    case jobs::CancelOutcome::requested:
      return "requested";
    case jobs::CancelOutcome::already_ended:
      return "already_ended";
  }
  return "";
}

std::string_view outcome_name(jobs::Inserted::Outcome outcome) {
  switch (outcome) {
    case jobs::Inserted::Outcome::created:
      return "created";
    case jobs::Inserted::Outcome::existing:
      return "existing";
    case jobs::Inserted::Outcome::collapsed:
      return "collapsed";
  }
  return "";
}

}  // namespace rwp::pods
