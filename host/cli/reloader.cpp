#include "cli/reloader.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>

#include "cli/changes.hpp"
#include "config/detectors_file.hpp"
#include "core/hash.hpp"

namespace dunetrace::cli {
namespace {

telemetry::Counter& outcome(telemetry::Metrics& metrics, const char* name) {
  return metrics.counter("dunetrace_reloads_total", "Attempts to take over changed files, by what came of them",
                         {{"outcome", name}});
}

// Of a file that may be gone by now.
std::string content_hash(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return sha256_hex(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace

Reloader::Metrics::Metrics(telemetry::Metrics& m)
    : taken_over(outcome(m, "ok")),
      unchanged(outcome(m, "unchanged")),
      refused(outcome(m, "failed")),
      generation(m.gauge("dunetrace_generation", "Counts the configurations that have been in force")),
      ok(m.gauge("dunetrace_reload_ok", "1 while what lies on disk is in force, 0 while it is refused")) {}

Reloader::Reloader(Options options, plugin::Live& live, telemetry::Logger& log, telemetry::Metrics& metrics,
                   const Clock& clock)
    : options_(std::move(options)),
      file_(live.current()->file),
      live_(live),
      log_(log),
      metrics_(metrics),
      clock_(clock),
      left_out_pause_(options_.retry) {
  metrics_.generation.set(static_cast<double>(live.current()->number));
  metrics_.ok.set(1);
  last_ = snapshot();
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Reloader::~Reloader() = default;

void Reloader::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, options_.poll, [] { return false; });
    }
    if (stop.stop_requested()) return;
    try {
      look(stop);
      if (options_.meanwhile) options_.meanwhile();
    } catch (const std::exception& error) {  // no memory, no descriptors: what is in force stays
      refuse(error.what());
    }
  }
}

void Reloader::look(const std::stop_token& stop) {
  auto now = snapshot();
  const bool settled = now == last_;
  last_ = std::move(now);
  if (!settled) return;
  const auto since = clock_.steady() - attempted_at_;
  if (tried_ != last_) {
    left_out_pause_ = options_.retry;
    return attempt(last_, stop);
  }
  if (refused_at_ && since >= options_.retry) return attempt(last_, stop);
  // A machine that had no time or room for a library may have some now. One that crashes by itself does so again: the
  // pauses grow.
  if (!live_.current()->registry.incomplete() || since < left_out_pause_) return;
  left_out_pause_ = std::min(2 * left_out_pause_, options_.longest_retry);
  attempt(last_, stop);
}

// A file that cannot be parsed leaves the directories of the last one that could: one of them may hold the remedy.
Snapshot Reloader::snapshot() {
  Snapshot found;
  const auto identity = found[file_] = identify(file_);
  if (identity != parsed_) {
    parsed_ = identity;
    if (const auto parsed = config::DetectorsFile::load(file_)) directories_ = parsed->plugin_directories();
  }
  add_plugin_directory(options_.own_plugins, found);
  for (const auto& directory : directories_) add_plugin_directory(directory, found);
  return found;
}

// However it ends, it is counted last: whoever sees the count finds log line, gauges and state as well.
void Reloader::attempt(const Snapshot& settled, const std::stop_token& stop) {
  tried_ = settled;
  attempted_at_ = clock_.steady();
  const auto current = live_.current();
  auto next = options_.load(*current);
  Result<> usable;
  const bool fresh = next && !same(*current, *next);
  if (fresh && options_.try_out && !stop.stop_requested()) usable = options_.try_out(*current, *next);
  // Somebody was writing while these files were read: what came of it means nothing, and the next look sees more.
  if (snapshot() != settled) return tried_.reset();
  if (stop.stop_requested()) return;
  const bool first = !std::exchange(compared_, true);
  if (!next) return refuse(next.error().text);
  if (!usable) return refuse(usable.error().text);
  if (fresh) return put_in_force(std::move(*next));
  if (first) return;  // what was loaded at the start
  if (refused_at_) log_.info("detectors.restored", {{"file", file_.string()}, {"generation", current->number}});
  refused_at_.reset();
  told_.clear();
  metrics_.ok.set(1);
  live_.kept(clock_.unix_seconds(), {});
  metrics_.unchanged.add();
}

void Reloader::put_in_force(plugin::Generation next) {
  const auto before = live_.current();
  next.number = before->number + 1;
  const auto what = changes(*before, next);
  const auto number = next.number;
  live_.replace(std::make_shared<const plugin::Generation>(std::move(next)), clock_.unix_seconds());
  refused_at_.reset();
  told_.clear();
  metrics_.generation.set(static_cast<double>(number));
  metrics_.ok.set(1);
  log_.info("detectors.reloaded", {{"file", file_.string()}, {"generation", number}, {"changes", what}});
  if (options_.taken_over) options_.taken_over();
  metrics_.taken_over.add();
}

// Told once per content of the file and reason, however often it is saved or tried again.
void Reloader::refuse(const std::string& reason) {
  refused_at_ = clock_.steady();
  metrics_.ok.set(0);
  live_.kept(clock_.unix_seconds(), reason);
  auto telling = content_hash(file_) + reason;
  if (telling != told_) {
    told_ = std::move(telling);
    log_.error("detectors.reload_failed",
               {{"file", file_.string()}, {"reason", reason}, {"generation_kept", live_.current()->number}});
  }
  metrics_.refused.add();
}

}  // namespace dunetrace::cli
