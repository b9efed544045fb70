#include "plugin/detector.hpp"

#include <dunetrace/ext/json.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "fake_plugin.hpp"
#include "plugin/describe.hpp"
#include "plugin/explain_call.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::plugin {
namespace {

class DetectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    load();
    run_.current_step = 4;
  }
  void load() {
    library_ = *describe(&fake_.plugin);
    entry_ = {&library_, &library_.components[0]};
  }
  Result<Detector> make() {
    return Detector::create(entry_, {.values = {std::int64_t{3}}, .category = "default"}, log_.logger());
  }

  FakePlugin fake_;
  Library library_;
  Entry entry_;
  ::dunetrace::Run run_;
  testing::TestLog log_;
};

dune_status emit(dune_sink* sink) {
  dune_signal signal{};
  signal.struct_size = sizeof signal;
  signal.severity = DUNE_SEVERITY_LOW;
  signal.confidence = 1;
  return sink->emit(sink, &signal);
}

TEST_F(DetectorTest, GivesSignalsWithTheirOrigin) {
  behaviour() = [](const dune_run*, dune_sink* sink, dune_error*) { return emit(sink); };
  auto detector = make();
  ASSERT_TRUE(detector);
  const auto found = detector->detect(RunView(run_, "default"));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ((*found)[0].detector_id, "odd_run");
  EXPECT_EQ((*found)[0].detector_version, "1.2.3");
}

TEST_F(DetectorTest, FailuresAreErrorsWithThePluginsReason) {
  behaviour() = [](const dune_run*, dune_sink* sink, dune_error* error) -> dune_status {
    emit(sink);
    error->message_len = 5000;  // longer than the record
    std::memset(error->message, 'm', sizeof error->message);
    return DUNE_E_INTERNAL;
  };
  auto detector = make();
  const auto failed = detector->detect(RunView(run_, "default"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text, std::string(504, 'm'));
  behaviour() = [](const dune_run*, dune_sink* sink, dune_error*) { return emit(sink); };
  EXPECT_TRUE(detector->detect(RunView(run_, "default"))) << "the instance is still of use";
}

TEST_F(DetectorTest, ExceptionsStopAtTheBoundary) {
  behaviour() = [](const dune_run*, dune_sink*, dune_error*) -> dune_status { throw std::runtime_error("oops"); };
  const auto failed = make()->detect(RunView(run_, "default"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text, "threw an exception: oops");
  EXPECT_EQ(failed.error().code, Code::invalid_argument) << "the contract allows none";
}

TEST_F(DetectorTest, ARefusedSignalIsAViolationWhateverDetectAnswers) {
  behaviour() = [](const dune_run*, dune_sink* sink, dune_error*) -> dune_status {
    dune_signal signal{};
    signal.struct_size = sizeof signal;
    signal.severity = 99;
    return sink->emit(sink, &signal);
  };
  const auto failed = make()->detect(RunView(run_, "default"));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::invalid_argument);
  EXPECT_NE(failed.error().text.find("severity 99"), std::string::npos) << failed.error().text;
}

TEST_F(DetectorTest, AFailingCreateHandsNothingOver) {
  fake_.table.create = [](const dune_host*, const dune_config* config, void** out, dune_error* error) -> dune_status {
    *out = reinterpret_cast<void*>(0x1);  // must not be destroyed
    error->message_len = 2;
    std::memcpy(error->message, config->values[0].as.i == 3 ? "no" : "??", 2);
    return DUNE_E_CONFIG;
  };
  load();
  const auto refused = make();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text, "odd_run: create: no");
}

TEST_F(DetectorTest, ChecksParametersWithThePluginsRule) {
  EXPECT_FALSE(parameter_check(library_.components[0])) << "this one has no rule";
  fake_.table.validate = [](const dune_config* config, dune_error* error) -> dune_status {
    if (config->values[0].as.i < 5) return DUNE_OK;
    error->message_len = 3;
    std::memcpy(error->message, "big", 3);
    return DUNE_E_CONFIG;
  };
  load();
  const auto check = parameter_check(library_.components[0]);
  const std::vector<config::ParamValue> small{std::int64_t{3}};
  const std::vector<config::ParamValue> large{std::int64_t{9}};
  EXPECT_EQ(check(small), std::nullopt);
  EXPECT_EQ(check(large), "big");
}

TEST_F(DetectorTest, ExplainsWithThePluginsOwnCode) {
  EXPECT_FALSE(explain_call(library_.components[0], log_.logger())) << "this one has none";
  fake_.table.explain = [](const dune_explain_in* in, dune_explain_out* out, dune_error*) -> dune_status {
    const auto* const json =
        static_cast<const dune_host_json_v1*>(in->host->get_extension(in->host, to_str(DUNE_EXT_HOST_JSON_V1)));
    std::int64_t n = 0;
    if (json->get_i64(in->host, in->evidence_json, to_str("/n"), &n) != DUNE_OK) return DUNE_E_INVALID;
    out->set(out, to_str("title"), to_str(n == 3 ? "three\xFF" : "other"));
    const dune_fix fix{to_str("Do"), to_str("text"), to_str("this")};
    for (int i = 0; i < 1000; ++i) out->add_fix(out, &fix);
    out->add_fix(out, nullptr);
    return DUNE_OK;
  };
  load();
  const auto call = explain_call(library_.components[0], log_.logger());
  ASSERT_TRUE(call);
  const auto said = call({.signal_type = "ODD_RUN", .run_id = "r", .agent_id = "a", .evidence = R"({"n":3})"});
  ASSERT_TRUE(said);
  EXPECT_EQ(said->fields.at("title"), "three\xEF\xBF\xBD");
  EXPECT_EQ(said->fixes.size(), 16U);
  EXPECT_FALSE(call({.evidence = "{}"})) << "a failure leaves the template's words";
}

}  // namespace
}  // namespace dunetrace::plugin
