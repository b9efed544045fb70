// What a detector gets from the services of its host, and what it does not.
#include <dunetrace/ext/metrics.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_plugin.hpp"
#include "outward_plugin.hpp"
#include "plugin/describe.hpp"
#include "plugin/detector.hpp"

namespace dunetrace::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const dune_host*& seen_host() {
  static const dune_host* host = nullptr;
  return host;
}

TEST(DetectorServices, FiguresAndLinesReachThemAndHttpIsNotGranted) {
  FakePlugin fake;
  fake.table.create = [](const dune_host* host, const dune_config*, void** out, dune_error*) -> dune_status {
    seen_host() = host;
    *out = new int(1);
    return DUNE_OK;
  };
  const auto library = *describe(&fake.plugin);
  RememberingServices services;
  auto detector = Detector::create({&library, &library.components[0]},
                                   {.values = {std::int64_t{3}}, .category = "default"}, services);
  ASSERT_TRUE(detector);
  behaviour() = [](const dune_run*, dune_sink*, dune_error*) -> dune_status {
    const auto* host = seen_host();
    const auto* metrics =
        static_cast<const dune_host_metrics_v1*>(host->get_extension(host, to_str(DUNE_EXT_HOST_METRICS_V1)));
    EXPECT_NE(metrics, nullptr);
    EXPECT_EQ(metrics->counter_add(host, to_str("looked"), 1), DUNE_OK);
    EXPECT_EQ(host->get_extension(host, to_str(DUNE_EXT_HOST_HTTP_V1)), nullptr);
    host->log(host, DUNE_LOG_INFO, to_str("hello"));
    return DUNE_OK;
  };
  ::dunetrace::Run run;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(detector->detect(RunView(run, "default")));
  EXPECT_THAT(services.figures, ElementsAre("looked", "looked", "looked"));
  EXPECT_THAT(services.lines,
              ElementsAre(HasSubstr("dune.host.http/1"), "odd_run: hello", "odd_run: hello", "odd_run: hello"));
}

}  // namespace
}  // namespace dunetrace::plugin
