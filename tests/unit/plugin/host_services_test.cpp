#include "plugin/host_services.hpp"

#include <gtest/gtest.h>

#include "plugin/take.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::plugin {
namespace {

class HostServicesTest : public ::testing::Test {
 protected:
  testing::TestLog log_;
  HostServices host_{"odd_run", log_.logger()};
  const dune_host_json_v1* json_ =
      static_cast<const dune_host_json_v1*>(host_.raw()->get_extension(host_.raw(), to_str(DUNE_EXT_HOST_JSON_V1)));
};

TEST_F(HostServicesTest, OffersOnlyWhatItKnows) {
  EXPECT_NE(json_, nullptr);
  EXPECT_EQ(host_.raw()->get_extension(host_.raw(), to_str("dune.host.http/1")), nullptr);
  EXPECT_EQ(host_.raw()->get_extension(host_.raw(), dune_str{}), nullptr);
}

TEST_F(HostServicesTest, ReadsJsonForPlugins) {
  const auto text = to_str(R"({"a":{"n":3,"s":"x\ny","l":[1,2,3],"raw":{ "k": 1.50 }}})");
  std::int64_t n = 0;
  EXPECT_EQ(json_->get_i64(host_.raw(), text, to_str("/a/n"), &n), DUNE_OK);
  EXPECT_EQ(n, 3);
  dune_str s{};
  EXPECT_EQ(json_->get_str(host_.raw(), text, to_str("/a/s"), &s), DUNE_OK);
  EXPECT_EQ(view(s), "x\ny");
  EXPECT_EQ(json_->get_raw(host_.raw(), text, to_str("/a/raw"), &s), DUNE_OK);
  EXPECT_EQ(view(s), R"({ "k": 1.50 })");
  std::uint32_t count = 0;
  EXPECT_EQ(json_->array_len(host_.raw(), text, to_str("/a/l"), &count), DUNE_OK);
  EXPECT_EQ(count, 3U);
  std::uint32_t type = 0;
  EXPECT_EQ(json_->type_of(host_.raw(), text, to_str("/a"), &type), DUNE_OK);
  EXPECT_EQ(type, static_cast<std::uint32_t>(DUNE_JSON_TYPE_OBJECT));
  EXPECT_EQ(json_->get_i64(host_.raw(), text, to_str("/b"), &n), DUNE_JSON_ABSENT);
  EXPECT_EQ(json_->get_i64(host_.raw(), text, to_str("/a/s"), &n), DUNE_JSON_OTHER_TYPE);
  EXPECT_EQ(json_->get_i64(host_.raw(), to_str("{"), to_str("/a"), &n), DUNE_E_INVALID);
  EXPECT_EQ(json_->get_i64(host_.raw(), dune_str{}, to_str("/a"), &n), DUNE_E_INVALID);
  EXPECT_EQ(n, 3) << "untouched unless it is DUNE_OK";
}

TEST_F(HostServicesTest, LogsUnderTheComponentsName) {
  host_.set_run("r-1");
  host_.raw()->log(host_.raw(), DUNE_LOG_WARN, to_str("careful"));
  EXPECT_TRUE(log_.contains("\"component\":\"odd_run\",\"run\":\"r-1\",\"message\":\"careful\"")) << log_.text();
}

}  // namespace
}  // namespace dunetrace::plugin
