#pragma once

#include "pods/file_watch.hpp"
#include <rwp/ai/budgeted.hpp>
#include <rwp/ai/tenant_limited.hpp>
#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/pods/configuration.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// What each tenant may do with the model: as the settings say for all, and as the file of
/// `ai_tenants_file` says for those that it names. The file is read again within a second of a
/// change; one that has become bad leaves what was known, and the log says why.
/// Threads: safe to share.
class AiTenants {
 public:
  /// `Errc::invalid_argument` and others name the file and the place.
  static Result<std::shared_ptr<AiTenants>> open(const Configuration& configuration,
                                                 observability::Logger log);
  ~AiTenants();
  AiTenants(const AiTenants&) = delete;
  AiTenants& operator=(const AiTenants&) = delete;

  ai::TenantLimit limit_of(const std::string& tenant);
  /// All budgets that the tenant's calls fall under, those of all tenants together as well.
  std::vector<ai::BudgetRule> rules_of(const std::string& tenant);
  /// Whether the tenant may ask for the model.
  bool may_use(const std::string& tenant, std::string_view model);
  /// Whether requests and answers are kept in the object store.
  bool keeps_artefacts(const std::string& tenant);

  struct Table;

 private:
  AiTenants(const Configuration& configuration, observability::Logger log);
  std::shared_ptr<const Table> current();

  FileWatch file_;
  const observability::Logger log_;
  const Configuration defaults_;
  std::mutex mutex_;
  std::shared_ptr<const Table> table_;
};

}  // namespace rwp::pods
