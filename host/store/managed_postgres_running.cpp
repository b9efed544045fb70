// running_managed_url of managed_postgres.hpp: the server that another process keeps. Called by commands, once each.
#include <fmt/format.h>
#include <libpq-fe.h>

#include "store/managed_postgres.hpp"
#include "store/managed_postgres_layout.hpp"

namespace dunetrace::store {

Result<std::string> running_managed_url(const std::filesystem::path& data_dir) {
  DUNE_TRY(layout, detail::look_at_layout(data_dir));
  auto url = detail::conninfo(layout, detail::kDatabase);
  // One that refuses is there and starting or ending: who connects gets its own words for it.
  const auto answer = PQping((url + " connect_timeout=2").c_str());
  if (answer == PQPING_OK || answer == PQPING_REJECT) return url;
  return fail(Code::not_found, fmt::format("none runs in {}", layout.data_dir.string()));
}

}  // namespace dunetrace::store
