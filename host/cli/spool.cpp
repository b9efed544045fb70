// dunetrace spool status|verify|export: looks into the spool of the data directory. Changes nothing, and works beside a
// running host.
#include <cstdio>
#include <ctime>
#include <memory>

#include "cli/command.hpp"
#include "cli/setup.hpp"
#include "core/clock.hpp"
#include "ingest/role.hpp"
#include "json/writer.hpp"
#include "spool/file_lock.hpp"
#include "spool/spool_file.hpp"

namespace dunetrace::cli {
namespace {

namespace fs = std::filesystem;

std::uint64_t size_of(const fs::path& file) {
  std::error_code missing;
  const auto size = fs::file_size(file, missing);
  return missing ? 0 : static_cast<std::uint64_t>(size);
}

struct Sums {
  std::uint64_t batches = 0, events = 0, bytes = 0;
};

Sums sums_of(const spool::Inspection& found) {
  Sums sums;
  for (const auto& row : found.rows) {
    ++sums.batches;
    sums.events += row.events;
    sums.bytes += row.bytes;
  }
  return sums;
}

void print_problems(const spool::Inspection& found) {
  for (const auto& problem : found.problems) std::printf("damaged     %s\n", problem.c_str());
}

Result<int> print_status(const fs::path& file) {
  DUNE_TRY(found, spool::inspect(file));
  const auto sums = sums_of(found);
  const auto holder = spool::FileLock::holder(fs::path(file).replace_extension(".lock"));
  std::uint64_t on_disk = 0;
  for (const auto& part : spool::files_of(file)) on_disk += size_of(part);
  std::printf("file        %s (%llu bytes on disk)\n", file.c_str(), static_cast<unsigned long long>(on_disk));
  std::printf("in use by   %s\n", holder.empty() ? "nobody" : ("process " + holder).c_str());
  std::printf("id          %s\n", found.id.c_str());
  std::printf("waiting     %llu batches, %llu events, %llu bytes\n", static_cast<unsigned long long>(sums.batches),
              static_cast<unsigned long long>(sums.events), static_cast<unsigned long long>(sums.bytes));
  if (!found.rows.empty()) {
    std::printf("oldest      %.0f s ago, at position %llu\n",
                SystemClock().unix_seconds() - found.rows.front().accepted_at,
                static_cast<unsigned long long>(found.rows.front().position));
  }
  std::printf("next        position %llu\n", static_cast<unsigned long long>(found.next));
  print_problems(found);
  return 0;
}

Result<int> verify(const fs::path& file) {
  DUNE_TRY(found, spool::inspect(file));
  const auto sums = sums_of(found);
  std::printf("sound       %llu batches, %llu events\n", static_cast<unsigned long long>(sums.batches),
              static_cast<unsigned long long>(sums.events));
  print_problems(found);
  return found.problems.empty() ? 0 : kFailed;
}

void write_event(json::Writer& out, const AcceptedEvent& event) {
  out.begin_object();
  out.field("event_type", wire_name(event.kind));
  out.field("run_id", event.run_id);
  out.field("agent_id", event.agent_id);
  out.field("agent_version", event.agent_version);
  out.field("step_index", event.step_index);
  out.field("timestamp", event.timestamp);
  out.field_raw("payload", event.payload);
  if (event.parent_run_id.data() != nullptr) out.field("parent_run_id", event.parent_run_id);
  out.end_object();
}

// One line per batch; agent_id and events are a body that POST /v1/ingest takes.
Result<int> print_batches(const fs::path& file) {
  DUNE_TRY(found, spool::inspect(file));
  bool damaged = !found.problems.empty();
  DUNE_TRY(reader, spool::SpoolFile::open_for_reading(file));
  for (const auto& row : found.rows) {  // the sound ones; a running host may have removed some since
    DUNE_TRY_VOID(reader.read(
        row.position, row.position + 1,
        [](std::uint64_t position, const AcceptedBatch& batch) {
          json::Writer out;
          out.begin_object();
          out.field("position", position);
          out.field("batch_id", batch.batch_id);
          out.field("customer_id", batch.customer_id);
          out.field("agent_id", batch.events.empty() ? std::string_view("") : batch.events.front().agent_id);
          out.key("events");
          out.begin_array();
          for (const auto& event : batch.events) write_event(out, event);
          out.end_array();
          out.end_object();
          std::printf("%s\n", out.text().c_str());
          return true;
        },
        [&](const std::string& problem) {
          damaged = true;
          std::fprintf(stderr, "dunetrace: %s\n", problem.c_str());
        }));
  }
  for (const auto& problem : found.problems) std::fprintf(stderr, "dunetrace: damaged: %s\n", problem.c_str());
  return damaged ? kFailed : 0;
}

}  // namespace

Command make_spool(CLI::App& parent) {
  auto* app = parent.add_subcommand("spool", "Look into the spool: events accepted and not yet in the database");
  app->require_subcommand(1);
  const auto file = std::make_shared<std::string>();
  auto* show = app->add_subcommand("status", "What waits, since when, and who uses it");
  auto* check =
      app->add_subcommand("verify", "Read everything and name what is damaged; exit code 1 when something is");
  auto* print = app->add_subcommand("export", "Print what waits, one JSON line per batch");
  for (auto* sub : {show, check, print}) {
    sub->add_option("--file", *file,
                    "Another file, for example one that was set aside (default: the data directory's)");
  }
  const auto run = [=]() -> Result<int> {
    DUNE_TRY(setup, load_setup());
    const auto path = file->empty() ? ingest::spool_file(setup.settings) : fs::path(*file);
    if (show->parsed()) return print_status(path);
    return check->parsed() ? verify(path) : print_batches(path);
  };
  return {app, [run] {
            const auto code = run();
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
