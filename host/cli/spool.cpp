// dunetrace spool status|verify|export: looks into the spool of the data directory. Changes nothing, and works beside a
// running host.
#include <cstdio>
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
using Number = unsigned long long;  // what printf takes

std::uint64_t bytes_on_disk(const fs::path& file) {
  std::uint64_t sum = 0;
  for (const auto& part : spool::files_of(file)) {
    std::error_code missing;
    const auto size = fs::file_size(part, missing);
    if (!missing) sum += size;
  }
  return sum;
}

void print_json(const json::Writer& out) { std::printf("%s\n", out.text().c_str()); }

void print_status_json(const fs::path& file, const std::string& holder, const spool::Overview& found, double age) {
  json::Writer out;
  out.begin_object();
  out.field("file", file.string());
  out.field("bytes_on_disk", bytes_on_disk(file));
  if (holder.empty())
    out.field_null("in_use_by");
  else
    out.field("in_use_by", holder);
  out.field("id", found.id);
  out.field("batches", found.batches);
  out.field("events", found.events);
  out.field("bytes", found.bytes);
  out.field("oldest_age_seconds", age);
  out.field("next_position", found.next);
  out.end_object();
  print_json(out);
}

Result<int> print_status(const fs::path& file, bool as_json) {
  auto found = spool::overview(file);
  if (!found && found.error().code == Code::invalid_argument) {
    return fail(Code::internal, found.error().text + " (see dunetrace spool verify)");
  }
  if (!found) return tl::unexpected(std::move(found).error());
  const auto holder = spool::FileLock::holder(fs::path(file).replace_extension(".lock"));
  const double age = found->batches == 0 ? 0 : SystemClock().unix_seconds() - found->oldest_accepted_at;
  if (as_json) return print_status_json(file, holder, *found, age), 0;
  std::printf("file        %s (%llu bytes on disk)\n", file.c_str(), Number{bytes_on_disk(file)});
  std::printf("in use by   %s\n", holder.empty() ? "nobody" : ("process " + holder).c_str());
  std::printf("id          %s\n", found->id.c_str());
  std::printf("waiting     %llu batches, %llu events, %llu bytes\n", Number{found->batches}, Number{found->events},
              Number{found->bytes});
  if (found->batches > 0) {
    std::printf("oldest      %.0f s ago, at position %llu\n", age, Number{found->oldest_position});
  }
  std::printf("next        position %llu\n", Number{found->next});
  return 0;
}

Result<int> verify(const fs::path& file, bool as_json) {
  DUNE_TRY(found, spool::inspect(file));
  std::uint64_t events = 0;
  for (const auto& row : found.rows) events += row.events;
  if (as_json) {
    json::Writer out;
    out.begin_object();
    out.field("sound_batches", found.rows.size());
    out.field("sound_events", events);
    out.key("damaged");
    out.begin_array();
    for (const auto& problem : found.problems) out.string(problem);
    out.end_array();
    out.end_object();
    print_json(out);
  } else {
    std::printf("sound       %zu batches, %llu events\n", found.rows.size(), Number{events});
    for (const auto& problem : found.problems) std::printf("damaged     %s\n", problem.c_str());
  }
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

// agent_id and events are a body that POST /v1/ingest takes.
void print_batch(std::uint64_t position, const AcceptedBatch& batch) {
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
  print_json(out);
}

// False when one of them is damaged after all.
Result<bool> print_rows(const fs::path& file, const spool::Inspection& found) {
  if (found.rows.empty()) return true;
  bool sound = true;
  DUNE_TRY(reader, spool::SpoolFile::open_for_reading(file));
  for (const auto& row : found.rows) {  // a running host may have removed some since
    DUNE_TRY_VOID(reader.read(
        row.position, row.position + 1,
        [](std::uint64_t position, const AcceptedBatch& batch) { return print_batch(position, batch), true; },
        [&](const std::string& problem) {
          sound = false;
          std::fprintf(stderr, "dunetrace: damaged: %s\n", problem.c_str());
        }));
  }
  return sound;
}

Result<int> print_batches(const fs::path& file) {
  DUNE_TRY(found, spool::inspect(file));
  DUNE_TRY(sound, print_rows(file, found));
  for (const auto& problem : found.problems) std::fprintf(stderr, "dunetrace: damaged: %s\n", problem.c_str());
  return sound && found.problems.empty() ? 0 : kFailed;
}

}  // namespace

Command make_spool(CLI::App& parent) {
  auto* app = parent.add_subcommand("spool", "Look into the spool: events accepted and not yet in the database");
  app->require_subcommand(1);
  const auto file = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  auto* show = app->add_subcommand("status", "What waits, since when, and who uses it");
  auto* check =
      app->add_subcommand("verify", "Read everything and name what is damaged; exit code 1 when something is");
  auto* print =
      app->add_subcommand("export", "Print what waits, one JSON line per batch; exit code 1 when some is damaged");
  for (auto* sub : {show, check, print}) {
    sub->add_option("--file", *file,
                    "Another file, for example one that was set aside (default: the data directory's)");
  }
  for (auto* sub : {show, check}) sub->add_flag("--json", *as_json, "For programs");
  const auto run = [=]() -> Result<int> {
    DUNE_TRY(setup, load_setup());
    const auto path = file->empty() ? ingest::spool_file(setup.settings) : fs::path(*file);
    if (show->parsed()) return print_status(path, *as_json);
    return check->parsed() ? verify(path, *as_json) : print_batches(path);
  };
  return {app, [run] {
            const auto code = run();
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
