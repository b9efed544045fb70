#include "config/config_hash.hpp"

#include <gtest/gtest.h>

#include <set>

namespace dunetrace::config {
namespace {

ComponentSchema schema() {
  ComponentSchema made;
  made.id = "odd";
  made.kind = "detector";
  made.params.resize(3);
  made.params[0].name = "threshold";
  made.params[1].name = "factor";
  made.params[2].name = "names";
  return made;
}

DetectorSettings settings() {
  DetectorSettings made;
  made.id = "odd";
  made.values = {std::int64_t{3}, 0.1, std::vector<std::string>{"a", "b"}};
  return made;
}

TEST(ConfigHash, IsTheSameInEveryProcess) { EXPECT_EQ(config_hash(settings(), schema()), "70c6d1f6d47c724e"); }

TEST(ConfigHash, ChangesWithWhateverTheDetectorIsTold) {
  std::set<std::string> all{config_hash(settings(), schema())};
  const auto differs = [&](auto change) {
    auto other = settings();
    change(other);
    EXPECT_TRUE(all.insert(config_hash(other, schema())).second);
  };
  differs([](auto& s) { s.values[0] = std::int64_t{4}; });
  differs([](auto& s) { s.values[1] = 0.10000000000000002; });
  differs([](auto& s) { s.values[2] = std::vector<std::string>{"b", "a"}; });
  differs([](auto& s) { s.values[2] = std::vector<std::string>{"a1:b"}; });
  differs([](auto& s) { s.shadow = true; });
  differs([](auto& s) { s.shadow_types = {"ODD_RUN"}; });
  differs([](auto& s) { s.severity = Severity::low; });
  differs([](auto& s) { s.id = "odder"; });
}

TEST(ConfigHash, DoesNotDependOnOrderOrTimeLimit) {
  auto other = settings();
  other.timeout_ms = 1000;
  EXPECT_EQ(config_hash(other, schema()), config_hash(settings(), schema()));
  auto turned = schema();
  std::swap(turned.params[0], turned.params[2]);
  std::swap(other.values[0], other.values[2]);
  EXPECT_EQ(config_hash(other, turned), config_hash(settings(), schema()));
}

}  // namespace
}  // namespace dunetrace::config
