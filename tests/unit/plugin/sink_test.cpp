#include "plugin/sink.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "plugin/take.hpp"

namespace dunetrace::plugin {
namespace {

class SinkTest : public ::testing::Test {
 protected:
  SinkTest() {
    component_.schema.id = "odd_run";
    component_.default_signal_type = "ODD_RUN";
    component_.schema.signal_types = {"ODD_RUN", "OTHER_RUN"};
    signal_.struct_size = sizeof signal_;
    signal_.severity = DUNE_SEVERITY_HIGH;
    signal_.confidence = 0.5;
    signal_.step_index = 2;
  }
  dune_json* json() { return sink_.raw()->evidence; }
  dune_status emit() { return sink_.raw()->emit(sink_.raw(), &signal_); }
  void key(const char* name) { json()->key(json(), to_str(name)); }

  Component component_;
  Sink sink_{component_, 10, [] { return false; }};
  dune_signal signal_{};
};

TEST_F(SinkTest, TakesASignalWithItsEvidence) {
  key("tool");
  json()->str(json(), to_str("search\xFF"));
  key("ratio");
  json()->f64(json(), std::numeric_limits<double>::infinity());
  key("steps");
  json()->begin_array(json());
  json()->i64(json(), 1);
  json()->end_array(json());
  EXPECT_EQ(emit(), DUNE_OK);
  ASSERT_EQ(sink_.signals().size(), 1U);
  EXPECT_EQ(sink_.signals()[0].failure_type, "ODD_RUN");
  EXPECT_EQ(sink_.signals()[0].evidence, "{\"tool\":\"search\xEF\xBF\xBD\",\"ratio\":null,\"steps\":[1]}");
  key("second");
  json()->boolean(json(), 1);
  EXPECT_EQ(emit(), DUNE_OK);
  EXPECT_EQ(sink_.signals()[1].evidence, R"({"second":true})");
}

TEST_F(SinkTest, TakesEvidenceAsTextAndCleansItForTheDatabase) {
  signal_.evidence_json = to_str(R"({"a":"x\u0000y"})");
  signal_.type = to_str("OTHER_RUN");
  EXPECT_EQ(emit(), DUNE_OK);
  EXPECT_EQ(sink_.signals()[0].evidence, R"({"a":"xy"})");
  EXPECT_EQ(sink_.signals()[0].failure_type, "OTHER_RUN");
}

TEST_F(SinkTest, RefusesWhatBreaksTheContract) {
  const auto refused = [&](auto change) {
    const auto saved = signal_;
    change();
    const auto status = emit();
    signal_ = saved;
    return status == DUNE_E_INVALID;
  };
  EXPECT_TRUE(refused([&] { signal_.struct_size = 4; }));
  EXPECT_TRUE(refused([&] { signal_.severity = 0; }));
  EXPECT_TRUE(refused([&] { signal_.severity = 9; }));
  EXPECT_TRUE(refused([&] { signal_.confidence = 1.01; }));
  EXPECT_TRUE(refused([&] { signal_.confidence = std::numeric_limits<double>::quiet_NaN(); }));
  EXPECT_TRUE(refused([&] { signal_.step_index = 11; }));
  EXPECT_TRUE(refused([&] { signal_.step_index = -1; }));
  EXPECT_TRUE(refused([&] { signal_.type = to_str("NOT_DECLARED"); }));
  EXPECT_TRUE(refused([&] { signal_.evidence_json = to_str("[1]"); }));
  EXPECT_TRUE(refused([&] { signal_.evidence_json = to_str("{"); }));
  EXPECT_TRUE(refused([&] { key("open"); }));
  EXPECT_TRUE(refused([&] { json()->str(json(), to_str("no key")); }));
  EXPECT_TRUE(sink_.signals().empty());
  EXPECT_FALSE(sink_.violation().empty());
}

TEST_F(SinkTest, BoundsNumberAndSize) {
  for (std::size_t i = 0; i < kMaxSignalsPerCall; ++i) EXPECT_EQ(emit(), DUNE_OK);
  EXPECT_EQ(emit(), DUNE_E_LIMIT);
  EXPECT_EQ(sink_.signals().size(), kMaxSignalsPerCall);
}

TEST_F(SinkTest, ALengthThatCannotBeIsAViolation) {
  signal_.type = {"ODD_RUN", std::size_t{1} << 40};
  EXPECT_EQ(emit(), DUNE_E_INVALID);
  EXPECT_NE(sink_.violation().find("1099511627776 bytes"), std::string::npos) << sink_.violation();
}

TEST_F(SinkTest, EvidenceOfALengthThatCannotBeIsAViolation) {
  signal_.evidence_json = {"{}", std::size_t{1} << 40};
  EXPECT_EQ(emit(), DUNE_E_INVALID);
  EXPECT_NE(sink_.violation().find("evidence is larger"), std::string::npos) << sink_.violation();
}

TEST_F(SinkTest, BoundsEvidence) {
  key("a");
  json()->begin_array(json());
  const std::string block(100'000, 'x');
  for (int i = 0; i < 1000; ++i) json()->str(json(), to_str(block));  // 100 MB asked for, about 1 MB kept
  json()->end_array(json());
  EXPECT_EQ(emit(), DUNE_E_INVALID);
  key("b");
  for (int i = 0; i < 100'000; ++i) json()->begin_array(json());
  EXPECT_EQ(emit(), DUNE_E_INVALID);
}

}  // namespace
}  // namespace dunetrace::plugin
