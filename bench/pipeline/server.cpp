#include "pipeline/server.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "store/migrations.hpp"
#include "telemetry/metrics.hpp"

namespace dunetrace::load {

void give_up(std::string_view what, std::string_view why) {
  throw std::runtime_error(fmt::format("{}: {}", what, why));
}

Connection::Connection(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) give_up("connect", PQerrorMessage(connection_.get()));
  exec("SET jit = off; SET client_min_messages = warning");
}

Connection::Rows Connection::checked(PGresult* result, std::string_view what) const {
  Rows rows(result);
  const auto status = PQresultStatus(rows.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
    give_up(what, PQerrorMessage(connection_.get()));
  return rows;
}

void Connection::exec(const std::string& sql) { checked(PQexec(connection_.get(), sql.c_str()), sql); }

std::string Connection::scalar(const std::string& sql) {
  const auto rows = checked(PQexec(connection_.get(), sql.c_str()), sql);
  return PQntuples(rows.get()) == 0 ? std::string() : PQgetvalue(rows.get(), 0, 0);
}

std::vector<std::string> Connection::column(const std::string& sql) {
  const auto rows = checked(PQexec(connection_.get(), sql.c_str()), sql);
  std::vector<std::string> out;
  for (int i = 0; i < PQntuples(rows.get()); ++i) out.emplace_back(PQgetvalue(rows.get(), i, 0));
  return out;
}

void Connection::copy(const std::string& command, const std::string& rows) {
  checked(PQexec(connection_.get(), command.c_str()), command);
  if (PQputCopyData(connection_.get(), rows.data(), static_cast<int>(rows.size())) != 1 ||
      PQputCopyEnd(connection_.get(), nullptr) != 1)
    give_up("COPY", PQerrorMessage(connection_.get()));
  while (auto* const result = PQgetResult(connection_.get())) checked(result, "COPY");
}

std::vector<std::string> Connection::lines(const std::string& sql) {
  const auto rows = checked(PQexec(connection_.get(), sql.c_str()), sql);
  std::vector<std::string> out;
  for (int i = 0; i < PQntuples(rows.get()); ++i) {
    auto& line = out.emplace_back();
    for (int j = 0; j < PQnfields(rows.get()); ++j) line.append(j > 0 ? "  " : "").append(PQgetvalue(rows.get(), i, j));
  }
  return out;
}

std::size_t Connection::select(const char* sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  const auto rows = checked(PQexecParams(connection_.get(), sql, static_cast<int>(values.size()), nullptr,
                                         values.data(), nullptr, nullptr, 0),
                            sql);
  return static_cast<std::size_t>(PQntuples(rows.get()));
}

Server::Server(telemetry::Logger& log, std::vector<std::string> settings) : log_(log) {
  auto name = (std::filesystem::temp_directory_path() / "pipeline_load-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up(name, "cannot be made");
  folder_ = name;
  ::chmod(name.c_str(), 0755);  // as root the server runs as another user
  auto started = store::ManagedPostgres::start({.data_dir = folder_, .settings = std::move(settings)}, log);
  if (!started) give_up("PostgreSQL", started.error().text);
  server_ = std::move(*started);
  host_ = server_->url().substr(0, server_->url().rfind("dbname="));
}

Server::~Server() {
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Server::url(const std::string& database) const { return host_ + "dbname=" + database; }

void Server::make(const std::string& database) {
  Connection(url("postgres")).exec("CREATE DATABASE " + database);
  telemetry::Metrics metrics;
  store::Database db({.url = url(database), .application_name = "pipeline_load"}, log_, metrics);
  const auto done = store::migrate(db, std::filesystem::path(DUNE_SOURCE_DIR) / "migrations");
  if (!done) give_up("migrations", done.error().text);
}

double Server::cpu_seconds() const {
  std::string postmaster;
  std::ifstream(folder_ / "postgres/postmaster.pid") >> postmaster;
  std::int64_t ticks = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", none)) {
    const auto pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream in(entry.path() / "stat");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    if (text.find(')') == std::string::npos) continue;
    std::istringstream fields(text.substr(text.rfind(')') + 1));
    std::string state, parent, skipped;
    fields >> state >> parent;
    if (pid != postmaster && parent != postmaster) continue;
    for (int i = 0; i < 9; ++i) fields >> skipped;
    for (int i = 0; i < 4; ++i) {  // user and system time, of children that ended, too
      std::int64_t value = 0;
      fields >> value;
      ticks += value;
    }
  }
  return static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

void Server::copy(const std::string& from, const std::string& database) {
  Connection admin(url("postgres"));
  admin.exec("DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
  admin.exec(fmt::format("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy", database, from));
  admin.exec("CHECKPOINT");
}

}  // namespace dunetrace::load
