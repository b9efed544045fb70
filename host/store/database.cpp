#include "store/database.hpp"

#include "store/database_pool.hpp"

namespace dunetrace::store {

Database::Database(DatabaseOptions options, telemetry::Logger& log, telemetry::Metrics& metrics)
    : options_(std::move(options)), impl_(std::make_unique<Impl>(options_, log, metrics)) {}

Database::~Database() = default;

Result<> Database::ping() { return impl_->probe(std::chrono::seconds(1)); }

void Database::interrupt() { impl_->interrupt(); }

bool Database::reachable() const { return impl_->reachable.load(std::memory_order_relaxed); }

std::uint64_t Database::sessions() const { return impl_->sessions; }

}  // namespace dunetrace::store
