// Plugins that were built when version 1.0 was frozen, in this host: whatever is built later, they load, and what they
// find in the golden runs is the same byte for byte. DUNE_ABI_DIR is sdk/plugin/abi/v1.
//   DUNE_WRITE_GOLDEN=DIR frozen_plugins_test   writes what they do today, to be looked at by a person
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "explain/explainer.hpp"
#include "plugin/destination.hpp"
#include "plugin/detector.hpp"
#include "plugin/explain_call.hpp"
#include "plugin/integration.hpp"
#include "plugin/registry.hpp"
#include "plugin/run_view.hpp"
#include "recorded_services.hpp"
#include "run_file.hpp"
#include "testing/temp_dir.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::abi {
namespace {

using ::testing::HasSubstr;
const std::filesystem::path kAbi = DUNE_ABI_DIR;
constexpr auto kRuns = {"loop", "open", "errored", "thrown"};

using Values = std::vector<config::ParamValue>;

Values defaults(const plugin::Component& component) {
  Values out;
  for (const auto& param : component.schema.params) {
    out.push_back(param.def ? *param.def : config::ParamValue("https://receiver.example/frozen"));
  }
  return out;
}

// Other values than the defaults, of every type.
Values others(const plugin::Component& component) {
  Values out = defaults(component);
  for (auto& value : out) {
    if (auto* flag = std::get_if<bool>(&value)) *flag = !*flag;
    if (auto* number = std::get_if<std::int64_t>(&value)) *number = std::min<std::int64_t>(*number + 1, 1000);
    if (auto* real = std::get_if<double>(&value)) *real += 0.75;
    if (auto* text = std::get_if<std::string>(&value)) *text = "fetch";
    if (auto* list = std::get_if<std::vector<std::string>>(&value)) *list = {"x", "ü"};
  }
  return out;
}

// Behind the last ": ": what the plugin itself said; the words before are the host's.
std::string_view own_words(std::string_view error) {
  const auto at = error.rfind(": ");
  return at == std::string_view::npos ? error : error.substr(at + 2);
}

class FrozenPlugins : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "the frozen plugins are x86-64 binaries";
#endif
    // A checkout may be writable by a group, which the loader refuses; a copy of our own is not.
    const auto copy = dir_ / GetParam();
    std::filesystem::copy_file(kAbi / GetParam(), copy);
    std::filesystem::permissions(copy, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    auto library = plugin::load_library(copy, false);
    ASSERT_TRUE(library) << library.error().text;
    std::vector<plugin::Library> libraries{*library};
    auto registry = plugin::Registry::of(std::move(libraries));
    ASSERT_TRUE(registry) << registry.error().text;
    registry_ = std::move(*registry);
  }

  const plugin::Entry& entry(std::string_view id) { return *registry_.find(id); }

  std::string explanation(const dunetrace::Run& run, const plugin::Component& component, const Signal& signal) {
    explain::Explainer explainer;
    explainer.add(component);
    EXPECT_TRUE(explainer.problems().empty()) << explainer.problems().front();
    const auto text = explainer.explain({signal.failure_type, signal.severity, signal.confidence, signal.step_index,
                                         run.source.run_id, run.agent_id, run.agent_version, signal.evidence});
    // The host ends the summary in its own words, and adds a fix where there is none; both are not the plugin's.
    std::string out = fmt::format("  title: {}\n  what: {}\n  why: {}\n", text.title, text.what, text.why_it_matters);
    const auto own = std::ranges::find(component.templates, signal.failure_type, &plugin::Template::signal_type);
    if (own != component.templates.end() && !own->fixes.empty()) out += fixes(text.suggested_fixes);
    if (const auto call = plugin::explain_call(component, log_.logger())) {
      const auto said = call({signal.failure_type, run.source.run_id, run.agent_id, signal.evidence, signal.severity,
                              signal.confidence, signal.step_index});
      if (!said) return out + "  code: says nothing\n";
      for (const auto& [field, words] : said->fields) out += fmt::format("  code {}: {}\n", field, words);
      out += fixes(said->fixes);
    }
    return out;
  }

  static std::string fixes(const std::vector<plugin::Fix>& fixes) {
    std::string out;
    for (const auto& fix : fixes) out += fmt::format("  fix: {} ({}) {}\n", fix.description, fix.language, fix.code);
    return out;
  }

  // What one detector says of all runs.
  std::string judged(const plugin::Entry& entry, const Values& values, std::size_t padding) {
    RecordedServices services;
    std::string out;
    {
      auto detector = plugin::Detector::create(
          entry, {.values = values, .category = "golden", .timeout = std::chrono::minutes(1)}, services);
      EXPECT_TRUE(detector) << detector.error().text;
      if (!detector) return {};
      for (const auto* name : kRuns) {
        auto run = run_of(kAbi / "runs" / (std::string(name) + ".json"));
        EXPECT_TRUE(run) << name << ": " << run.error().text;
        if (!run) return {};
        out += fmt::format("{} in {}\n", entry.component->schema.id, run->source.run_id);
        const auto signals = detector->detect(plugin::RunView(*run, "golden", padding));
        if (!signals) out += fmt::format("  failed: {}\n", own_words(signals.error().text));
        if (!signals) continue;
        for (const auto& signal : *signals) {
          out += fmt::format("  {} {} {} step {} of {} {}\n  {}\n", signal.failure_type, to_text(signal.severity),
                             signal.confidence, signal.step_index, signal.detector_id, signal.detector_version,
                             signal.evidence);
          out += explanation(*run, *entry.component, signal);
        }
      }
    }
    return out + services.take();
  }

  std::string all_detectors() {
    const auto& library = registry_.libraries().front();
    std::string out = fmt::format("{} {} of {}, {}, ABI 1.{}\n", library.id, library.version, library.vendor,
                                  library.license, library.abi_minor);
    for (const auto& each : registry_.components()) {
      if (each.component->schema.kind != "detector") continue;
      out += judged(each, defaults(*each.component), 0);
      EXPECT_EQ(judged(each, defaults(*each.component), 0), judged(each, defaults(*each.component), 24))
          << "padded elements change what " << each.component->schema.id << " sees";
      out += "with other values: " + judged(each, others(*each.component), 0);
    }
    return out;
  }

  // Compares with the golden file, or writes it when that is asked for.
  static void compare(const std::string& name, const std::string& text) {
    if (const char* folder = std::getenv("DUNE_WRITE_GOLDEN")) {
      testing::write_file(std::filesystem::path(folder) / name, text);
      GTEST_FAIL() << name << " was written, nothing was compared";
    }
    EXPECT_GT(text.size(), 500U);
    EXPECT_EQ(testing::read_file(kAbi / "golden" / name), text);
  }

  testing::TempDir dir_;
  testing::TestLog log_;
  plugin::Registry registry_;
};

std::string stem(const std::string& file) { return std::filesystem::path(file).stem().string(); }

TEST_P(FrozenPlugins, FindTheSameInTheGoldenRuns) { compare(stem(GetParam()) + ".signals.txt", all_detectors()); }

INSTANTIATE_TEST_SUITE_P(Detectors, FrozenPlugins, ::testing::Values("frozen_c.so", "frozen_cpp.so", "frozen_rust.so"),
                         [](const auto& each) { return stem(each.param); });

class FrozenC : public FrozenPlugins {};
INSTANTIATE_TEST_SUITE_P(AllInterfaces, FrozenC, ::testing::Values("frozen_c.so"),
                         [](const auto& each) { return stem(each.param); });

TEST_P(FrozenC, BringsItsFourComponentsAndLeavesTheUnknownOneOut) {
  EXPECT_EQ(registry_.components().size(), 4U);
  EXPECT_EQ(registry_.find("frozen_c_oracle"), nullptr);
  EXPECT_EQ(entry("frozen_c_view").component->schema.params.size(), 8U);
  EXPECT_TRUE(entry("frozen_c_view").component->schema.params[6].secret);
  EXPECT_TRUE(entry("frozen_c_view").component->schema.params[7].deprecated);
  EXPECT_TRUE(entry("frozen_c_alert").component->schema.params[0].required);
}

TEST_P(FrozenC, SaysWhichParametersMakeNoSense) {
  const auto& component = *entry("frozen_c_view").component;
  const auto check = plugin::parameter_check(component);
  auto values = defaults(component);
  ASSERT_TRUE(check);
  EXPECT_FALSE(check(values));
  values[1] = std::int64_t{501};
  EXPECT_FALSE(check(values));
  values[4] = std::string("strict");
  EXPECT_THAT(check(values).value_or(""), HasSubstr("limit must not exceed 500 in strict mode, it is 501"));
}

std::string outcome(const plugin::Delivery& delivery) {
  return fmt::format("= {} after {} ms {}\n", to_text(delivery.outcome),
                     delivery.retry_after ? delivery.retry_after->count() : 0, own_words(delivery.text));
}

TEST_P(FrozenC, DeliversAlerts) {
  RecordedServices services;
  std::string out;
  {
    const auto& from = entry("frozen_c_alert");
    auto destination = plugin::Destination::create(from, defaults(*from.component), services);
    ASSERT_TRUE(destination) << destination.error().text;
    EXPECT_EQ(destination->max_batch(), 2U);
    plugin::Alert first{.signal_id = "s-1",
                        .signal_type = "SOME_TYPE",
                        .run_id = "run-1",
                        .agent_id = "agent-one",
                        .agent_version = "3f2a",
                        .severity = Severity::high,
                        .step_index = 7,
                        .confidence = 0.95,
                        .detected_at = 1755000000.5,
                        .title = "A title",
                        .what = "What ü",
                        .why_it_matters = "Why",
                        .evidence_summary = "Summary",
                        .evidence = R"({"count":3})",
                        .fixes = {{"Do this", "python", "do()\nthat()"}, {"Or that", "text", ""}}};
    plugin::Alert second;
    second.signal_id = "s-2";
    second.signal_type = "OTHER_TYPE";
    second.run_id = "run-2";
    second.agent_id = "agent-two";
    plugin::AlertBatch batch{
        .attempt = 1, .idempotency_key = "key-1", .alerts = {first, second}, .deadline = std::chrono::seconds(30)};
    const auto deliver = [&] {
      const auto done = destination->deliver(batch);
      out += services.take() + outcome(done);
      ++batch.attempt;
    };
    deliver();
    batch.alerts.resize(1);
    services.replies.emplace_back(plugin::HttpReply{429, "slow down", std::chrono::milliseconds(1500)});
    deliver();
    services.replies.emplace_back(plugin::HttpReply{404, "no such hook", {}});
    deliver();
    services.replies.emplace_back(fail(Code::unavailable, "connection refused"));
    deliver();
    services.replies.emplace_back(fail(Code::timeout, "took too long"));
    deliver();
  }
  compare("frozen_c.alerts.txt", out + services.take());
}

TEST_P(FrozenC, InvokesActions) {
  RecordedServices services;
  std::string out;
  {
    const auto& from = entry("frozen_c_actions");
    auto integration = plugin::Integration::create(from, defaults(*from.component), services);
    ASSERT_TRUE(integration) << integration.error().text;
    const auto invoke = [&](const plugin::ActionCall& call) {
      const auto result = integration->invoke(call);
      out += services.take() + (result ? "= " + *result : fmt::format("= failed: {}", own_words(result.error().text))) +
             "\n";
    };
    const std::chrono::seconds deadline(20);
    invoke({"look", R"({"name":"Zoë \"Z\""})", "key-1", deadline, false});
    invoke({"change", R"({"deep":{"a":[1,2]}})", "key-2", deadline, true});
    services.replies.emplace_back(plugin::HttpReply{409, "conflict", {}});
    invoke({"change", "{}", "key-3", deadline, false});
    services.replies.emplace_back(fail(Code::denied, "not on the list"));
    invoke({"change", "{}", "key-4", deadline, false});
    EXPECT_FALSE(integration->invoke({"burn", "{}", "key-5", deadline, false}));
  }
  compare("frozen_c.actions.txt", out + services.take());
}

}  // namespace
}  // namespace dunetrace::abi
