// The kit finds what the host finds: every detector that comes with the host, on runs of every kind.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <dunetrace/testing/detector.hpp>

#include <filesystem>

#include "host_findings.hpp"

namespace kit_test {
namespace {

using dunetrace::testing::Baselines;
using dunetrace::testing::OwnedRun;
using dunetrace::testing::RunBuilder;

struct Named {
  const char* name;
  RunBuilder run;
  Usual usual = {};
};

Baselines steps(double usual) {
  Baselines baselines;
  baselines.steps = usual;
  return baselines;
}

std::vector<Named> runs() {
  std::vector<Named> all;
  const auto agent = [] { return RunBuilder("agent"); };
  all.push_back({"nothing but a start", agent()});
  all.push_back({"a loop", agent().tools({"search", "read"}).tool("search").args("same").x(8).llm(500).completed()});
  all.push_back({"failures", agent().tool("search").fails("e1").x(3).tool("read").fails("e2").x(3).completed()});
  all.push_back({"retries", agent().tool("search").args("a").fails("e1").x(6).llm(100).completed()});
  all.push_back({"thrashing", agent().tool("a").tool("b").tool("a").tool("b").tool("a").tool("b").tool("a").tool("b")});
  all.push_back({"growing prompts", agent().llm(500).llm(1500).llm(4000).llm(9000).completed("final_answer")});
  all.push_back({"truncated answers", agent().llm(500).finish("length").x(4).completed()});
  all.push_back({"empty answer", agent().llm(900).output(0).completed()});
  all.push_back({"empty retrieval", agent().retrieval("docs").results(0).llm(400).completed("final_answer")});
  all.push_back({"poor retrieval", agent().retrieval("docs").results(2).score(0.1).x(2).llm(400).completed()});
  all.push_back({"error at once", agent().llm(100).errored()});
  all.push_back({"thinking only", agent().tools({"search"}).llm(300).x(9).completed()});
  all.push_back({"no tool used", agent().tools({"search"}).llm(300).x(3).completed("final_answer")});
  all.push_back({"slow", agent().tool("search").takes(45'000).llm(10).takes(90'000).after(60'000).completed()});
  all.push_back({"abandoned", agent().tool("search").x(2).llm(100).unanswered()});
  all.push_back({"injection", agent()
                                  .signal("prompt_injection")
                                  .source("filter")
                                  .meta(R"({"score":0.9,"kind":"x"})")
                                  .llm(10)
                                  .tool("mail")
                                  .completed()});
  all.push_back({"policy", agent().event("policy.triggered", R"({"policy":"p"})").llm(10).completed()});
  all.push_back(
      {"many steps", agent().baselines(steps(4)).tool("a").tool("b").tool("c").llm(5).x(30).completed(), {4}});
  all.push_back({"pinned steps and gaps", agent().tool("a").tool("b").step(7).after(1000).llm(9).step(20).completed()});
  return all;
}

std::vector<WireEvent> events_of(const OwnedRun& run) {
  std::vector<WireEvent> out;
  for (const dunetrace::v1::Event event : run.view().events()) {
    out.push_back({std::string(event.type()), event.step(), event.timestamp(), std::string(event.payload_json())});
  }
  return out;
}

std::vector<std::filesystem::path> plugins() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(DUNE_BINARY_DIR "/lib/dunetrace/plugins")) {
    if (entry.path().extension() == ".so") out.push_back(entry.path());
  }
  return out;
}

const dune_plugin* entry_of(const std::filesystem::path& file) {
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void* const entry = library != nullptr ? ::dlsym(library, "dune_plugin_entry_v1") : nullptr;
  return entry != nullptr ? reinterpret_cast<dune_entry_fn>(entry)() : nullptr;
}

TEST(TestKit, FindsWhatTheHostFinds) {
  std::size_t found = 0, detectors = 0;
  std::set<std::string> types;
  for (const auto& file : plugins()) {
    const auto* plugin = entry_of(file);
    ASSERT_NE(plugin, nullptr) << file;
    ++detectors;
    for (auto& [name, builder, usual] : runs()) {
      for (const bool padded : {false, true}) {
        SCOPED_TRACE(file.filename().string() + " on '" + name + "'" + (padded ? ", padded" : ""));
        const auto run = padded ? builder.padded().done() : builder.done();
        std::vector<std::string> kit;
        for (const auto& signal : dunetrace::testing::run_detector(plugin, run)) {
          kit.push_back(signal.text());
          types.insert(signal.type);
        }
        EXPECT_EQ(kit, host_findings(file.string(), events_of(run), usual));
        found += kit.size();
      }
    }
  }
  EXPECT_GE(detectors, 15U);
  EXPECT_GE(types.size(), 10U) << "the runs no longer make most of the detectors fire";
  EXPECT_GE(found, 2 * types.size());
}

}  // namespace
}  // namespace kit_test
