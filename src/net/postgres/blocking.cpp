#include "net/postgres/blocking.hpp"

#include <libpq-fe.h>

namespace rwp::net_postgres {

Answer run_on(PGconn* connection, const Command& command) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (std::size_t i = 0; i < command.parameters.size(); ++i) {
    const auto& value = command.parameters[i];
    values.push_back(value ? value->data() : nullptr);
    lengths.push_back(value ? static_cast<int>(value->size()) : 0);
  }
  const std::vector<int> formats(values.size(), 1);
  Answer answer;
  PGresult* const result =
      PQexecParams(connection, command.statement->sql, static_cast<int>(values.size()), nullptr,
                   values.data(), lengths.data(), formats.data(), 1);
  Rows rows(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
    answer.rows.push_back(std::move(rows));
  } else if (result == nullptr || PQstatus(connection) == CONNECTION_BAD) {
    answer.failure = failure_of(connection);
  } else {
    answer.failure = failure_of(result);
  }
  return answer;
}

bool has_open_transaction(PGconn* connection) {
  return connection != nullptr && PQtransactionStatus(connection) == PQTRANS_INTRANS;
}

}  // namespace rwp::net_postgres
