// run_detector() holds a detector to the host's rules, and the matchers say what differs.
#include <gtest/gtest.h>
#include <dunetrace/testing/expect.hpp>

namespace dunetrace::testing {
namespace {

// Does what its parameter says.
struct Odd {
  struct Params {
    std::int64_t mode = 0;
    double factor = 0.5;
    std::string word = "w";
    bool flag = true;
  };
  static constexpr const char *plugin_id = "test.odd", *vendor = "Test", *version = "1.0.0", *license = "MIT",
                              *id = "odd", *title = "Odd", *signal = "ODD", *doc = "Odd.";
  static constexpr auto params = std::make_tuple(dunetrace::param(&Params::mode, "mode", 0, 0, 9, "", "What it does."),
                                                 dunetrace::param(&Params::factor, "factor", 0.5, 0.0, 1.0, "", "F."),
                                                 dunetrace::param(&Params::word, "word", "w", "", "W."),
                                                 dunetrace::param(&Params::flag, "flag", true, "B."));
  static constexpr dune_template templates[] = {
      {sizeof(dune_template), 0, lit("ODD"), lit("t"), lit("w"), lit("y"), lit("e"), nullptr},
      {sizeof(dune_template), 0, lit("EVEN"), lit("t"), lit("w"), lit("y"), lit("e"), nullptr}};
  static const char* check(const Params& p) { return p.word.empty() ? "word must not be empty" : nullptr; }

  Odd(const Params& p, Host host) : p_(p), host_(host) {}
  void detect(Run run, Sink& out) {
    host_.log(DUNE_LOG_WARN, "looked at " + std::string(run.run_id()));
    const auto emit = [&](double confidence, int step) {
      return out.signal(Severity::low, confidence, step).with("word", p_.word).with("list", std::vector<int>{1, 2});
    };
    switch (p_.mode) {
      case 1:
        emit(1.5, 0).emit();
        return;
      case 2:
        emit(0.5, run.step() + 1).emit();
        return;
      case 3:
        emit(0.5, 0).type("UNKNOWN").emit();
        return;
      case 4:
        emit(0.5, 0).evidence("[1]").emit();
        return;
      case 5:
        throw Failure(DUNE_E_LIMIT, "too much");
      case 6:
        for (int i = 0; i < 9; ++i) emit(0.5, 0).emit();
        return;
      case 7:
        emit(0.5, 0).json().key("open");
        out.signal(Severity::low, 0.5, 0).emit();
        return;
      case 8:
        emit(p_.factor, 0).type("EVEN").emit(), emit(p_.factor, run.step()).with("flag", p_.flag).emit();
        return;
      case 9:
        if (host_.extension<dune_host_http_v1>(DUNE_EXT_HOST_HTTP_V1) != nullptr) emit(1, 0).emit();
        return;
      default:
        return;
    }
  }

 private:
  Params p_;
  Host host_;
};

OwnedRun run() { return RunBuilder().run_id("r-1").tool("t").completed().done(); }

std::string failure(std::int64_t mode) {
  try {
    run_detector<Odd>(run(), {mode, 0.5, "w", true});
  } catch (const Failed& failed) {
    return failed.what();
  }
  return "none";
}

TEST(KitDetector, HoldsItToTheHostsRules) {
  EXPECT_EQ(failure(0), "none");
  EXPECT_NE(failure(1).find("confidence 1.5"), std::string::npos);
  EXPECT_NE(failure(2).find("step 2 is not within the run (0 to 1)"), std::string::npos);
  EXPECT_NE(failure(3).find("type 'UNKNOWN'"), std::string::npos);
  EXPECT_NE(failure(4).find("no JSON object"), std::string::npos);
  EXPECT_NE(failure(5).find("odd: detect failed with -7: too much"), std::string::npos);
  EXPECT_NE(failure(6).find("more than 8 signals"), std::string::npos);
  EXPECT_NE(failure(7).find("not well-formed"), std::string::npos);
  EXPECT_EQ(failure(9), "none") << "detectors are granted no HTTP";
  EXPECT_TRUE(run_detector<Odd>(run(), {9, 0.5, "w", true}).empty());
}

TEST(KitDetector, GivesPlainValues) {
  const FakeHost host;
  const auto found = run_detector<Odd>(run(), {8, 0.25, "x", false}, host);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].type, "EVEN");
  EXPECT_EQ(found[1], (Signal{"ODD", Severity::low, 0.25, 1, R"({"word":"x","list":[1,2],"flag":false})"}));
  EXPECT_EQ(found[1]["word"], "x");
  EXPECT_EQ(found[1]["/list/1"], 2);
  EXPECT_EQ(found[1]["list"], (std::vector<int>{1, 2}));
  EXPECT_TRUE(found[1]["none"].missing());
  EXPECT_TRUE(host.logged("looked at r-1"));
}

TEST(KitDetector, TakesParametersByName) {
  const auto* plugin = dunetrace::detail::Thunk<Odd>::plugin();
  const auto why = [&](Settings settings) {
    try {
      run_detector(plugin, run(), std::move(settings));
    } catch (const Failed& failed) {
      return std::string(failed.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(run_detector(plugin, run(), {{"mode", 8}, {"factor", 1}, {"word", "y"}, {"flag", false}})[0].confidence,
            1.0);
  EXPECT_EQ(why({{"colour", 1}}), "there is no parameter 'colour'; there are: mode, factor, word, flag");
  EXPECT_EQ(why({{"mode", 10}}), "mode: is above its maximum");
  EXPECT_EQ(why({{"factor", -0.1}}), "factor: is below its minimum");
  EXPECT_EQ(why({{"mode", 1.5}}), "mode: the value is of another type than the parameter");
  EXPECT_NE(why({{"word", ""}}).find("word must not be empty"), std::string::npos);
}

TEST(KitExpect, NamesEveryDifference) {
  const std::vector<Signal> found = {{"ODD", Severity::low, 0.5, 3, R"({"count":5,"tool":"a"})"}};
  EXPECT_EQ(
      differences(found, {signal("ODD").severity(Severity::low).confidence(0.50004).step(3).evidence("count", 5)}), "");
  EXPECT_EQ(
      differences(found, {signal("ODD")
                              .severity(Severity::high)
                              .confidence(0.6)
                              .step(4)
                              .evidence("count", 4)
                              .evidence("list", {1, 2})
                              .without("tool")}),
      "ODD severity: expected HIGH, found LOW\nODD confidence: expected 0.6, found 0.5\nODD step: expected 4, found 3\n"
      "ODD evidence count: expected 4, found 5\nODD evidence list: expected [1,2], found nothing\n"
      "ODD evidence tool: expected nothing, found \"a\"\n");
  EXPECT_EQ(differences({}, {signal("ODD")}), "ODD: expected, not found\n");
  EXPECT_EQ(differences(found, {}),
            "ODD: not expected, found ODD LOW confidence 0.5 step 3 {\"count\":5,\"tool\":\"a\"}\n");
}

TEST(KitExpect, ChecksCountAndFail) {
  Checks good, bad, none;
  good.found("nothing", {}, {});
  good.equal("numbers", 1, 1);
  good.fails(
      "throws", [] { throw std::runtime_error("on purpose"); }, "purpose");
  bad.equal("numbers", 1, 2);
  EXPECT_EQ(good.result(), 0);
  EXPECT_EQ(bad.result(), 1);
  EXPECT_EQ(none.result(), 1) << "a test that checks nothing has not passed";
  Checks silent;
  silent.fails(
      "does not throw", [] {}, "purpose");
  EXPECT_EQ(silent.result(), 1);
}

}  // namespace
}  // namespace dunetrace::testing
