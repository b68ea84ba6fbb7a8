#include "jobs_postgres/schema.hpp"

namespace rwp::jobs_postgres {

const net_postgres::Schema& schema() {
  static const net_postgres::Schema jobs = {
      .name = "rwp",
      .called = "job schema",
      .remedy = "run rwpctl migrate",
      .lock = 1381453898,  // "RWPJ"
      .steps = {{.version = 1, .oldest_program = 1, .sql = {kVersion1Tables, kVersion1Functions}},
                {.version = 2, .oldest_program = 1, .sql = {kVersion2}},
                {.version = 3, .oldest_program = 1, .sql = {kVersion3}},
                {.version = 4, .oldest_program = 1, .sql = {kVersion4}},
                {.version = 5, .oldest_program = 1, .sql = {kVersion5}},
                {.version = 6, .oldest_program = 1, .sql = {kVersion6}},
                {.version = 7, .oldest_program = 1, .sql = {kVersion7}},
                {.version = kSchemaVersion, .oldest_program = 1, .sql = {kVersion8}}}};
  return jobs;
}

}  // namespace rwp::jobs_postgres
