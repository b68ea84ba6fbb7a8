#include "analytics_postgres/schema.hpp"

namespace rwp::analytics_postgres {
namespace {

// Times are microseconds since 1970.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE rwp_events.event (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  at bigint NOT NULL,
  tenant text NOT NULL,
  name text NOT NULL,
  client_id text NOT NULL,
  user_id text,
  candidate text,
  body text NOT NULL
);
CREATE INDEX event_at ON rwp_events.event (at);
CREATE INDEX event_client ON rwp_events.event (client_id, tenant);
CREATE INDEX event_user ON rwp_events.event (user_id, tenant) WHERE user_id IS NOT NULL;
CREATE INDEX event_candidate ON rwp_events.event (candidate) WHERE candidate IS NOT NULL;
CREATE TABLE rwp_events.hour (
  tenant text NOT NULL,
  hour bigint NOT NULL,
  name text NOT NULL,
  events bigint NOT NULL,
  PRIMARY KEY (tenant, hour, name)
) WITH (fillfactor = 50);
CREATE INDEX hour_of_all ON rwp_events.hour (hour);
CREATE TABLE rwp_events.journey (
  tenant text NOT NULL,
  job text NOT NULL,
  client_id text NOT NULL,
  source text NOT NULL,
  began bigint NOT NULL,
  viewed bigint,
  applied bigint,
  screened bigint,
  placed bigint,
  PRIMARY KEY (tenant, job, client_id)
);
CREATE INDEX journey_began ON rwp_events.journey (began);
CREATE INDEX journey_client ON rwp_events.journey (client_id, tenant);
)sql";

}  // namespace

const net_postgres::Schema& schema() {
  static const net_postgres::Schema events = {
      .name = "rwp_events",
      .called = "event schema",
      .remedy = "open it once with a role that owns it, without migrate=off",
      .lock = 1381453893,  // "RWPE"
      .steps = {{.version = 1, .oldest_program = 1, .sql = {kVersion1}}}};
  return events;
}

}  // namespace rwp::analytics_postgres
