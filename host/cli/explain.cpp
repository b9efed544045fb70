// dunetrace explain SIGNAL_ID: what a stored signal means, in the words the API and the alerts use, from the database
// of DATABASE_URL or of a running `up`.
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>

#include "api/signal_json.hpp"
#include "cli/command.hpp"
#include "cli/explainers.hpp"
#include "cli/setup.hpp"
#include "explain/text.hpp"
#include "store/read_signals.hpp"

namespace dunetrace::cli {
namespace {

constexpr std::size_t kMostChars = 200;  // of an id on the terminal

struct Arguments {
  std::string id;
  bool json = false;
};

Result<std::int64_t> number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && read == end && number > 0) return number;
  return fail(Code::invalid_argument,
              fmt::format("SIGNAL_ID: expected a whole number from 1 to {}, got '{}'",
                          std::numeric_limits<std::int64_t>::max(), explain::clean(text, kMostChars)));
}

std::string second(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text;
}

// Ids come from strangers, and a terminal obeys control characters.
std::string shown(std::string_view text) { return explain::clean(text, kMostChars); }

std::string indented(std::string_view text) {
  std::string out = "  ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  ";
  }
  return out;
}

std::string text_of(const store::StoredSignal& stored, const explain::Explanation& words) {
  const auto& signal = stored.signal;
  std::string out = fmt::format("{}\n\n", words.title);
  out += fmt::format("signal    {}  {}  {}{}\n", signal.id, shown(signal.failure_type), signal.severity,
                     signal.shadow ? "  (in shadow)" : "");
  out += fmt::format("run       {}, step {}\n", shown(signal.run_id), signal.step_index);
  out += fmt::format("agent     {} {}, customer {}\n", shown(signal.agent_id), shown(signal.agent_version),
                     shown(stored.customer_id));
  out += fmt::format("detected  {} by {} {}\n", second(signal.detected_at), shown(signal.detector_id),
                     shown(signal.detector_version));
  if (stored.signal.withdrawn_at)
    out += fmt::format("withdrawn {}: a later look at the run did not find it again\n",
                       second(*stored.signal.withdrawn_at));
  out += fmt::format("\nWhat happened\n{}\n\nWhy it matters\n{}\n\nEvidence\n{}\n\nSuggested fixes\n",
                     indented(words.what), indented(words.why_it_matters), indented(words.evidence_summary));
  int number = 0;
  for (const auto& fix : words.suggested_fixes) {
    out += fmt::format("  {}. {} ({})\n", ++number, fix.description, fix.language);
    if (!fix.code.empty()) out += "\n" + indented(indented(fix.code)) + "\n\n";
  }
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

void print_json(const store::StoredSignal& stored, const explain::Explainer& explainer) {
  json::Writer out;
  out.begin_object();
  api::write_listed_members(out, stored.signal, explainer);
  out.field("customer_id", stored.customer_id);
  if (stored.signal.withdrawn_at)
    out.field("withdrawn_at", *stored.signal.withdrawn_at);
  else
    out.field_null("withdrawn_at");
  out.end_object();
  std::printf("%s\n", out.text().c_str());
}

Result<store::StoredSignal> load(const Setup& setup, telemetry::Logger& log, std::int64_t id) {
  DUNE_TRY(url, database_url_or_own(setup, "explain"));
  telemetry::Metrics metrics;
  store::Database db({.url = url, .application_name = "dunetrace-explain", .max_connections = 1}, log, metrics);
  DUNE_TRY(applied, migrate_when_reachable(db, setup.paths.migrations, std::chrono::seconds(0), log));
  return store::load_signal(db, {}, id);
}

Result<int> run(const Arguments& args) {
  DUNE_TRY(id, number_of(args.id));
  DUNE_TRY(setup, load_setup());
  telemetry::Logger log(telemetry::Level::error);  // what there is to say is said below
  DUNE_TRY(stored, load(setup, log, id));
  // Without its plugin a signal still has its evidence.
  const auto detectors = load_detectors(setup, log, {}, Purpose::look);
  if (!detectors) std::fprintf(stderr, "dunetrace: no plugin could be loaded: %s\n", detectors.error().text.c_str());
  const auto explainer = detectors ? make_explainer(detectors->registry, log) : explain::Explainer();
  if (args.json)
    print_json(stored, explainer);
  else
    std::fputs(text_of(stored, explainer.explain(api::facts_of(stored.signal))).c_str(), stdout);
  if (!explainer.knows(stored.signal.failure_type))
    std::fprintf(stderr, "dunetrace: no loaded plugin explains %s, so this is the general text\n",
                 shown(stored.signal.failure_type).c_str());
  return 0;
}

}  // namespace

Command make_explain(CLI::App& parent) {
  auto* app = parent.add_subcommand("explain", "What a stored signal means and what to do about it");
  const auto args = std::make_shared<Arguments>();
  app->add_option("SIGNAL_ID", args->id, "Number of the signal, as the API and the alerts name it")->required();
  app->add_flag("--json", args->json, "The object of the API's list of signals, with its customer");
  return {app, [args] {
            const auto code = run(*args);
            return code ? *code : report(code.error());
          }};
}

}  // namespace dunetrace::cli
