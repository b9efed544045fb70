// What is in force for which agent.
#include <gtest/gtest.h>

#include "schemas.hpp"

namespace dunetrace::config {
namespace {

using testing::detector;
using testing::integer_value;
using testing::resolve;

constexpr std::size_t kThreshold = 0, kWindow = 1;

TEST(DetectorProfiles, AnEmptyFileMeansBuiltInDefaults) {
  const auto config = resolve("").value();
  const auto& profile = config.profile_for("any");
  EXPECT_EQ(profile.name, "default");
  EXPECT_EQ(integer_value(profile, "tool_loop", kThreshold), 3);
  EXPECT_EQ(integer_value(profile, "tool_loop", kWindow), 5);
  const auto& loop = detector(profile, "tool_loop");
  EXPECT_TRUE(loop.enabled);
  EXPECT_FALSE(loop.shadow);
  EXPECT_EQ(loop.timeout_ms, 50);
  EXPECT_FALSE(loop.severity);
  EXPECT_EQ(loop.component, 1u);
}

TEST(DetectorProfiles, LayersParameterByParameter) {
  const auto config = resolve(R"(
default:  {tool_loop: {window: 10, timeout_ms: 20}}
team:     {tool_loop: {threshold: 4, window: 11, severity: LOW}}
team-one: {tool_loop: {threshold: 6}}
categories: {team: [team-one, team-two]}
)")
                          .value();
  const auto& everyone = config.profile_for("x");
  EXPECT_EQ(integer_value(everyone, "tool_loop", kThreshold), 3);
  EXPECT_EQ(integer_value(everyone, "tool_loop", kWindow), 10);
  const auto& member = config.profile_for("team-two");
  EXPECT_EQ(member.name, "team");
  EXPECT_EQ(integer_value(member, "tool_loop", kThreshold), 4);
  EXPECT_EQ(integer_value(member, "tool_loop", kWindow), 11);
  const auto& exact = config.profile_for("team-one");
  EXPECT_EQ(exact.name, "team-one");
  EXPECT_EQ(integer_value(exact, "tool_loop", kThreshold), 6);
  EXPECT_EQ(integer_value(exact, "tool_loop", kWindow), 11);
  EXPECT_EQ(detector(exact, "tool_loop").severity, Severity::low);
  EXPECT_EQ(detector(exact, "tool_loop").timeout_ms, 20);
}

TEST(DetectorProfiles, ACategoryMayStandAboveItsSection) {
  const auto config = resolve("categories: {late: [a]}\nlate: {tool_loop: {threshold: 5}}\n").value();
  EXPECT_EQ(integer_value(config.profile_for("a"), "tool_loop", kThreshold), 5);
}

TEST(DetectorProfiles, TheSectionOfACategoryIsAlsoAnAgentOfThatName) {
  const auto config = resolve("team: {tool_loop: {threshold: 5}}\ncategories: {team: [a]}\n").value();
  EXPECT_EQ(&config.profile_for("team"), &config.profile_for("a"));
}

TEST(DetectorProfiles, TheMostExactEntryOfACategoryWins) {
  const auto config = resolve(R"(
wide:   {tool_loop: {threshold: 1}}
narrow: {tool_loop: {threshold: 2}}
exact:  {tool_loop: {threshold: 4}}
categories:
  wide:   ['web-*']
  narrow: ['web-search-*']
  exact:  [web-search-9]
)")
                          .value();
  EXPECT_EQ(config.profile_for("web-x").name, "wide");
  EXPECT_EQ(config.profile_for("web-").name, "wide");
  EXPECT_EQ(config.profile_for("web-search-1").name, "narrow");
  EXPECT_EQ(config.profile_for("web-search-9").name, "exact");
  EXPECT_EQ(config.profile_for("web-search-99").name, "narrow");
  EXPECT_EQ(config.profile_for("web").name, "default");
  EXPECT_EQ(config.profile_for("zebra").name, "default");
  EXPECT_EQ(config.profile_for("").name, "default");
}

TEST(DetectorProfiles, AStarAloneIsEveryAgent) {
  const auto config = resolve("all: {tool_loop: {threshold: 2}}\ncategories: {all: ['*']}\n").value();
  EXPECT_EQ(config.profile_for("anything").name, "all");
}

TEST(DetectorProfiles, AnAgentSectionInheritsFromTheWildcardCategory) {
  const auto config = resolve(R"(
web:      {tool_loop: {window: 9}}
web-one:  {tool_loop: {threshold: 7}}
categories: {web: ['web-*']}
)")
                          .value();
  EXPECT_EQ(integer_value(config.profile_for("web-one"), "tool_loop", kWindow), 9);
  EXPECT_EQ(integer_value(config.profile_for("web-one"), "tool_loop", kThreshold), 7);
}

TEST(DetectorProfiles, KeepsTheOrderOfTheDefaultSectionThenById) {
  const auto ids = [](const DetectorsConfig& config) {
    std::vector<std::string> out;
    for (const auto& settings : config.profile_for("x").detectors) out.push_back(settings.id);
    return out;
  };
  EXPECT_EQ(ids(resolve("default: {tool_loop: {}}").value()),
            (std::vector<std::string>{"tool_loop", "acme_checks", "context_bloat"}));
  EXPECT_EQ(ids(resolve("").value()), (std::vector<std::string>{"acme_checks", "context_bloat", "tool_loop"}));
}

TEST(DetectorProfiles, OthersStartInShadowUntilMadeLive) {
  EXPECT_TRUE(detector(resolve("").value().profile_for("x"), "acme_checks").shadow);
  const auto live = resolve("plugins: {detectors: {acme_checks: {live: true}}}").value();
  EXPECT_FALSE(detector(live.profile_for("x"), "acme_checks").shadow);
  const auto kept = resolve("plugins: {detectors: {tool_loop: {live: false}}}").value();
  EXPECT_TRUE(detector(kept.profile_for("x"), "tool_loop").shadow);
}

TEST(DetectorProfiles, ASectionsShadowWinsOverLive) {
  const auto config = resolve(R"(
plugins: {detectors: {acme_checks: {live: true}}}
web: {acme_checks: {shadow: true}}
)")
                          .value();
  EXPECT_FALSE(detector(config.profile_for("x"), "acme_checks").shadow);
  EXPECT_TRUE(detector(config.profile_for("web"), "acme_checks").shadow);
}

TEST(DetectorProfiles, SwitchesDetectorsOffForAllOrForOneAgent) {
  const auto config = resolve(R"(
plugins: {detectors: {context_bloat: {enabled: false}}}
web: {tool_loop: {enabled: false}, context_bloat: {enabled: true}}
)")
                          .value();
  EXPECT_FALSE(detector(config.profile_for("x"), "context_bloat").enabled);
  EXPECT_TRUE(detector(config.profile_for("x"), "tool_loop").enabled);
  EXPECT_TRUE(detector(config.profile_for("web"), "context_bloat").enabled);
  EXPECT_FALSE(detector(config.profile_for("web"), "tool_loop").enabled);
}

TEST(DetectorProfiles, TheOperatorsListKeepsFailureTypesInShadow) {
  const auto config =
      resolve("default: {tool_loop: {shadow: false}, acme_checks: {shadow: false}}", {"TOOL_LOOP", "ACME_ODD"}).value();
  const auto& profile = config.profile_for("x");
  EXPECT_TRUE(detector(profile, "tool_loop").is_shadow("TOOL_LOOP"));
  EXPECT_TRUE(detector(profile, "acme_checks").is_shadow("ACME_ODD"));
  EXPECT_FALSE(detector(profile, "acme_checks").is_shadow("ACME_SLOW"));
}

TEST(DetectorProfiles, ANewDetectorOfTheHostStartsInShadow) {
  auto loop = testing::loop_schema();
  loop.on_probation = true;
  const std::vector<ComponentSchema> schemas{loop};
  const auto resolved = [&](std::string_view text) {
    return DetectorsFile::parse(text, "detectors.yml")->resolve(schemas, {}).value();
  };
  EXPECT_TRUE(detector(resolved("").profile_for("x"), "tool_loop").shadow);
  EXPECT_TRUE(detector(resolved("default: {tool_loop: {threshold: 4}}").profile_for("x"), "tool_loop").shadow);
  EXPECT_FALSE(detector(resolved("default: {tool_loop: {shadow: false}}").profile_for("x"), "tool_loop").shadow);
  const auto live = resolved("plugins: {detectors: {tool_loop: {live: true}}}\nweb: {tool_loop: {shadow: true}}");
  EXPECT_FALSE(detector(live.profile_for("x"), "tool_loop").shadow);
  EXPECT_TRUE(detector(live.profile_for("web"), "tool_loop").shadow);
}

TEST(DetectorProfiles, TheSeverityIsOverriddenByTheMostExactSection) {
  const auto config = resolve(R"(
default:  {tool_loop: {severity: LOW}}
team:     {tool_loop: {severity: CRITICAL}}
team-one: {tool_loop: {severity: MEDIUM}}
categories: {team: ['team-*']}
)")
                          .value();
  EXPECT_EQ(detector(config.profile_for("x"), "tool_loop").severity, Severity::low);
  EXPECT_EQ(detector(config.profile_for("team-two"), "tool_loop").severity, Severity::critical);
  EXPECT_EQ(detector(config.profile_for("team-one"), "tool_loop").severity, Severity::medium);
  EXPECT_FALSE(detector(config.profile_for("team-one"), "context_bloat").severity);
}

// As "layer:line" of everything that is said of one detector.
std::vector<std::string> origins(const Profile& profile, std::string_view id) {
  const auto& settings = detector(profile, id);
  std::vector<std::string> out;
  const auto add = [&](SaidAt from) { out.push_back(profile.layers[from.layer] + ":" + std::to_string(from.line)); };
  for (const auto from : {settings.enabled_from, settings.shadow_from, settings.severity_from, settings.timeout_from})
    add(from);
  for (const auto from : settings.values_from) add(from);
  return out;
}

TEST(DetectorProfiles, KnowWhereEveryValueWasSaid) {
  const auto config = resolve(R"(
default:
  tool_loop:
    window: 10
    severity: LOW
team:
  tool_loop: {threshold: 4, shadow: true}
team-one:
  tool_loop:
    threshold: 6
    enabled: false
categories: {team: [team-one, 'team-*']}
plugins:
  detectors:
    tool_loop: {live: true}
)")
                          .value();
  EXPECT_EQ(
      origins(config.profile_for("x"), "tool_loop"),
      (std::vector<std::string>{"detector:0", "plugins:15", "default:5", "detector:0", "detector:0", "default:4"}));
  EXPECT_EQ(origins(config.profile_for("team-two"), "tool_loop"),
            (std::vector<std::string>{"detector:0", "team:7", "default:5", "detector:0", "team:7", "default:4"}));
  EXPECT_EQ(origins(config.profile_for("team-one"), "tool_loop"),
            (std::vector<std::string>{"team-one:11", "team:7", "default:5", "detector:0", "team-one:10", "default:4"}));
  EXPECT_EQ(config.profile_for("team-one").layers,
            (std::vector<std::string>{"detector", "plugins", "default", "team", "team-one"}));
}

TEST(DetectorProfiles, WhereAValueWasSaidDoesNotChangeHowRunsAreJudged) {
  const auto one = resolve("default: {tool_loop: {threshold: 4}}").value();
  EXPECT_TRUE(one == resolve("\n\ndefault:\n  tool_loop:\n    threshold: 4\n").value());
  EXPECT_FALSE(one == resolve("default: {tool_loop: {threshold: 5}}").value());
  EXPECT_FALSE(one == resolve("default: {tool_loop: {threshold: 4, shadow: true}}").value());
}

TEST(DetectorProfiles, AddressesSurviveAMove) {
  auto config = resolve("web: {tool_loop: {threshold: 2}}").value();
  const auto* before = &config.profile_for("web");
  const auto moved = std::move(config);
  EXPECT_EQ(&moved.profile_for("web"), before);
}

TEST(DetectorProfiles, ManyAgentsShareOneProfile) {
  std::string text = "team: {tool_loop: {threshold: 2}}\ncategories:\n  team: [";
  for (int i = 0; i < 1000; ++i) text += "agent-" + std::to_string(i) + ", ";
  const auto config = resolve(text + "last]\n").value();
  EXPECT_EQ(config.profiles().size(), 2u);
  EXPECT_EQ(&config.profile_for("agent-0"), &config.profile_for("agent-999"));
}

}  // namespace
}  // namespace dunetrace::config
