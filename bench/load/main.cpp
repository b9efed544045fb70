// ingest_load: the client of the load harness (measure.py drives it; bench/README.md says how to read its figures).
//   ingest_load copy|send|check --database URL … | disk --directory DIR …    prints one JSON object
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <thread>

#include "json/writer.hpp"
#include "load/client.hpp"
#include "load/database.hpp"
#include "load/disk.hpp"

namespace dunetrace::load {
namespace {

using Steady = std::chrono::steady_clock;

struct Arguments {
  std::string database;
  std::vector<std::filesystem::path> runs;
  std::size_t batch_events = 100;
  std::uint32_t salt = 0;  // part of the run: no two parts of one run share a lap
  std::size_t group_rows = 5000;
  double visible_limit_s = 120;
  std::filesystem::path acknowledged;
  std::filesystem::path directory;
  double rows_per_s = 0;
  ClientOptions client;
};

double percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

Result<std::string> copy(const Arguments& arguments) {
  DUNE_TRY(batches, make_batches(arguments.runs, arguments.batch_events));
  DUNE_TRY(database, Database::open(arguments.database));
  DUNE_TRY(copied, database.copy(batches, arguments.salt << 16,
                                 {arguments.group_rows, arguments.client.seconds, arguments.rows_per_s}));
  json::Writer out;
  out.begin_object();
  out.field("rows", copied.rows);
  out.field("seconds", copied.seconds);
  out.field("rows_per_s", static_cast<double>(copied.rows) / copied.seconds);
  out.end_object();
  return out.take();
}

// Asks until the position is there, every 2 ms; the seconds it took.
Result<double> wait_visible(Database& database, std::uint64_t position, double limit_s) {
  const auto begin = Steady::now();
  std::mutex mutex;
  std::condition_variable never;
  while (true) {
    DUNE_TRY(now, database.position());
    const auto took = std::chrono::duration<double>(Steady::now() - begin).count();
    if (now >= position) return took;
    if (took > limit_s) {
      return fail(Code::timeout, std::to_string(position - now) + " acknowledged events are not visible after " +
                                     std::to_string(limit_s) + " s");
    }
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::milliseconds(2));
  }
}

Result<> keep(const std::filesystem::path& path, const std::vector<Acknowledged>& batches) {
  if (path.empty()) return {};
  std::ofstream out(path, std::ios::app);
  for (const auto& [id, events] : batches) out << id << ' ' << events << '\n';
  out.flush();
  if (!out) return fail(Code::unavailable, path.string() + " cannot be written");
  return {};
}

void tell_times(json::Writer& out, std::string_view name, std::vector<double>& times) {
  std::ranges::sort(times);
  out.key(name);
  out.begin_object();
  out.field("p50", percentile(times, 0.5));
  out.field("p90", percentile(times, 0.9));
  out.field("p99", percentile(times, 0.99));
  out.field("p999", percentile(times, 0.999));
  out.field("max", percentile(times, 1));
  out.end_object();
}

Result<std::string> disk(const Arguments& arguments) {
  DUNE_TRY(times, write_durably(arguments.directory, arguments.client.seconds, arguments.client.requests_per_s));
  json::Writer out;
  out.begin_object();
  tell_times(out, "append_ms", times.append);
  tell_times(out, "overwrite_ms", times.overwrite);
  out.end_object();
  return out.take();
}

std::string told(ClientReport report, std::optional<double> visible_after_s) {
  json::Writer out;
  out.begin_object();
  out.field("requests", report.batches.size());
  out.field("events", report.events);
  out.field("seconds", report.seconds);
  out.field("requests_per_s", static_cast<double>(report.batches.size()) / report.seconds);
  out.field("accepted_per_s", static_cast<double>(report.events) / report.seconds);
  if (visible_after_s) {
    out.field("visible_after_s", *visible_after_s);
    out.field("visible_per_s", static_cast<double>(report.events) / (report.seconds + *visible_after_s));
  }
  out.field("most_waiting", report.most_waiting);
  tell_times(out, "latency_ms", report.latencies_ms);
  out.key("not_accepted");
  out.begin_object();
  for (const auto& [status, count] : report.others) out.field(std::to_string(status), count);
  out.end_object();
  out.end_object();
  return out.take();
}

Result<std::string> send(Arguments& arguments) {
  DUNE_TRY(batches, make_batches(arguments.runs, arguments.batch_events));
  arguments.client.first_lap = arguments.salt << 16;
  if (arguments.database.empty()) {
    arguments.client.most_behind = 0;
    DUNE_TRY(report, run_client(batches, arguments.client));
    DUNE_TRY_VOID(keep(arguments.acknowledged, report.batches));
    return told(std::move(report), {});
  }
  DUNE_TRY(database, Database::open(arguments.database));
  DUNE_TRY(before, database.position());
  arguments.client.visible = [&database, before = before, last = std::uint64_t{0}]() mutable {
    if (const auto now = database.position()) last = *now - before;
    return last;
  };
  DUNE_TRY(report, run_client(batches, arguments.client));
  DUNE_TRY_VOID(keep(arguments.acknowledged, report.batches));
  DUNE_TRY(visible_after_s, wait_visible(database, before + report.events, arguments.visible_limit_s));
  return told(std::move(report), visible_after_s);
}

// Every acknowledged batch is stored, whole and once; nothing else is there.
Result<std::string> check(const Arguments& arguments) {
  DUNE_TRY(database, Database::open(arguments.database));
  DUNE_TRY(stored, database.stored_batches());
  std::ifstream in(arguments.acknowledged);
  std::uint64_t batches = 0, missing = 0, wrong = 0;
  std::string id;
  for (std::uint64_t events = 0; in >> id >> events; ++batches) {
    const auto found = stored.find(id);
    if (found == stored.end()) {
      ++missing;
    } else {
      if (found->second != events) ++wrong;
      stored.erase(found);
    }
  }
  json::Writer out;
  out.begin_object();
  out.field("batches", batches);
  out.field("missing", missing);
  out.field("not_whole_or_not_once", wrong);
  out.field("not_acknowledged", stored.size());
  out.end_object();
  return out.take();
}

int run(int argc, char** argv) {
  CLI::App app("The client of the load harness");
  app.require_subcommand(1);
  Arguments arguments;
  const auto command = [&](const char* name, const char* what) {
    auto* sub = app.add_subcommand(name, what);
    auto* database = sub->add_option("--database", arguments.database, "libpq connection string");
    if (std::string_view(name) != "send") database->required();
    return sub;
  };
  const auto load = [&](CLI::App* sub) {
    sub->add_option("--runs", arguments.runs, "*.ndjson(.gz), a run per line; made-up runs without");
    sub->add_option("--batch", arguments.batch_events, "Events per batch")->check(CLI::Range(1, 10'000));
    sub->add_option("--salt", arguments.salt, "Another one for every part of a measurement")
        ->check(CLI::Range(0, 65535));
    sub->add_option("--seconds", arguments.client.seconds, "How long");
  };
  auto* copying = command("copy", "Bare COPY of the rows into events");
  load(copying);
  copying->add_option("--group", arguments.group_rows, "Rows per transaction");
  copying->add_option("--rows-per-s", arguments.rows_per_s, "At most; as fast as it goes without");
  auto* sending =
      command("send", "POST /v1/ingest, until every acknowledged event is visible, where --database says so");
  load(sending);
  auto& client = arguments.client;
  sending->add_option("--port", client.port, "Of ingest on 127.0.0.1")->required();
  sending->add_option("--connections", client.connections, "Kept alive")->check(CLI::Range(1, 20'000));
  sending->add_option("--rate", client.requests_per_s, "Requests per second at fixed instants; without: closed loop");
  sending->add_option("--most-behind", client.most_behind, "Closed loop: acknowledged and not visible events at most");
  sending->add_option("--visible-limit", arguments.visible_limit_s, "Seconds until the last event must be visible");
  sending->add_option("--acknowledged", arguments.acknowledged, "File to note the acknowledged batches in");
  auto* checking = command("check", "Whether every acknowledged batch is stored once");
  checking->add_option("--acknowledged", arguments.acknowledged, "What `send` noted")->required();
  auto* appending = app.add_subcommand("disk", "4 KB appended, and overwritten, and synced, again and again");
  appending->add_option("--directory", arguments.directory, "On the disk of the spool")->required();
  appending->add_option("--seconds", client.seconds, "How long");
  appending->add_option("--rate", client.requests_per_s, "Appends per second at most");
  CLI11_PARSE(app, argc, argv);
  const auto result = *copying     ? copy(arguments)
                      : *sending   ? send(arguments)
                      : *appending ? disk(arguments)
                                   : check(arguments);
  if (result) return std::printf("%s\n", result->c_str()) < 0;
  std::fprintf(stderr, "ingest_load: %s\n", result.error().text.c_str());
  return 1;
}

}  // namespace
}  // namespace dunetrace::load

int main(int argc, char** argv) { return dunetrace::load::run(argc, argv); }
