// dunetrace keys create|list|revoke: the API keys of clients, in the database of DATABASE_URL or of a running `up`.
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <vector>

#include "cli/command.hpp"
#include "cli/setup.hpp"
#include "json/writer.hpp"
#include "store/keys.hpp"

namespace dunetrace::cli {
namespace {

struct Arguments {
  std::string customer;
  std::string agent;
  std::vector<std::string> scopes;
  std::string key;
  bool confined = false, as_json = false;
};

const std::vector<std::string> kUsualScopes{"ingest", "read"};
const std::vector<std::string> kConfinedScopes{"ingest"};

std::string minute(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

// Runs `work` on a migrated database.
template <class F>
int with_database(F work) {
  const auto run = [&]() -> Result<> {
    DUNE_TRY(setup, load_setup());
    DUNE_TRY(url, database_url_or_own(setup, "keys"));
    DUNE_TRY(log, make_logger(setup));
    telemetry::Metrics metrics;
    store::Database db({.url = url, .application_name = "dunetrace-keys", .max_connections = 1}, *log, metrics);
    DUNE_TRY(applied, migrate_when_reachable(db, setup.paths.migrations, std::chrono::seconds(0), *log));
    return work(db);
  };
  const auto done = run();
  return done ? 0 : report(done.error());
}

Result<> create(store::Database& db, const Arguments& args) {
  const auto agent = args.agent.empty() ? std::nullopt : std::optional(args.agent);
  auto scopes = args.scopes;
  if (scopes.empty()) scopes = args.confined ? kConfinedScopes : kUsualScopes;
  DUNE_TRY(made, store::create_key(db, args.customer, agent, scopes, args.confined));
  std::printf("%s\n", made.secret.c_str());
  std::fprintf(stderr, "key %lld for customer '%s' (%s); it is shown this once and stored only as a hash\n",
               static_cast<long long>(made.key.id), made.key.customer_id.c_str(), joined(made.key.scopes).c_str());
  return {};
}

void field_or_null(json::Writer& out, std::string_view name, const std::optional<double>& seconds) {
  if (seconds)
    out.field(name, *seconds);
  else
    out.field_null(name);
}

// One line per key.
Result<> print_json(const std::vector<store::ApiKey>& keys) {
  for (const auto& key : keys) {
    json::Writer out;
    out.begin_object();
    out.field("id", key.id);
    out.field("prefix", key.prefix);
    out.field("customer_id", key.customer_id);
    if (key.agent_id)
      out.field("agent_id", *key.agent_id);
    else
      out.field_null("agent_id");
    out.key("scopes");
    out.begin_array();
    for (const auto& scope : key.scopes) out.string(scope);
    out.end_array();
    out.field("confined", key.confined);
    out.field("active", key.active);
    out.field("created_at", key.created_at);
    field_or_null(out, "revoked_at", key.revoked_at);
    field_or_null(out, "last_used_at", key.last_used_at);
    out.end_object();
    std::printf("%s\n", out.text().c_str());
  }
  return {};
}

Result<> list(store::Database& db, const Arguments& args) {
  const auto customer = args.customer.empty() ? std::nullopt : std::optional(args.customer);
  DUNE_TRY(keys, store::list_keys(db, customer));
  if (args.as_json) return print_json(keys);
  if (keys.empty()) std::printf("no keys; make one with: dunetrace keys create --customer NAME\n");
  for (const auto& key : keys) {
    std::printf("%-6lld %-20s %-20s agent=%-16s %-18s created %s, %s%s%s\n", static_cast<long long>(key.id),
                key.prefix.c_str(), key.customer_id.c_str(), key.agent_id.value_or("*").c_str(),
                joined(key.scopes).c_str(), minute(key.created_at).c_str(),
                key.last_used_at ? ("used " + minute(*key.last_used_at)).c_str() : "never used",
                key.confined ? "  confined" : "", key.active ? "" : "  REVOKED");
  }
  return {};
}

Result<> revoke(store::Database& db, const Arguments& args) {
  DUNE_TRY(key, store::revoke_key(db, args.key));
  std::printf("revoked key %lld (%s…) of customer '%s'\n", static_cast<long long>(key.id), key.prefix.c_str(),
              key.customer_id.c_str());
  return {};
}

}  // namespace

Command make_keys(CLI::App& parent) {
  auto* app = parent.add_subcommand("keys", "Create, list and revoke API keys");
  app->require_subcommand(1);
  const auto args = std::make_shared<Arguments>();
  auto* make = app->add_subcommand("create", "Make a key and print it once");
  make->add_option("--customer", args->customer, "Who the key belongs to")->required();
  make->add_option("--agent", args->agent,
                   "Bind the key to this agent: it becomes the customer's, and no other customer may write to it");
  make->add_flag("--confined", args->confined, "The key may write to that agent alone");
  make->add_option("--scopes", args->scopes,
                   "ingest (send), read (API), admin (paths and hosts of plugins, besides read); default: ingest,read, "
                   "or ingest with --confined")
      ->delimiter(',');
  auto* show = app->add_subcommand("list", "List keys by id and prefix; the keys themselves are not stored");
  show->add_option("--customer", args->customer, "Only this customer's");
  show->add_flag("--json", args->as_json, "One line per key");
  auto* end = app->add_subcommand("revoke", "Make a key useless at once");
  end->add_option("key", args->key, "Id, prefix or the key itself")->required();
  return {app, [=] {
            return with_database([&](store::Database& db) -> Result<> {
              if (make->parsed()) return create(db, *args);
              if (show->parsed()) return list(db, *args);
              return revoke(db, *args);
            });
          }};
}

}  // namespace dunetrace::cli
