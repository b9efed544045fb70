#include "cli/try_out.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "fake_plugin.hpp"
#include "plugin/describe.hpp"
#include "testing/test_log.hpp"

namespace dunetrace::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

plugin::Generation generation(plugin::FakePlugin& fake, const std::string& yaml) {
  auto library = plugin::describe(&fake.plugin).value();
  library.path = "/p/odd.so";
  for (auto& component : library.components) component.schema.first_party = true;
  auto registry = plugin::Registry::of({std::move(library)}).value();
  auto config = config::DetectorsFile::parse(yaml, "f.yml").value().resolve(registry.schemas(), {}).value();
  return {std::move(registry), std::move(config), "f.yml"};
}

// Can be made with 3, not with anything else.
dune_status picky(const dune_host*, const dune_config* config, void** out, dune_error* error) {
  *out = new int(1);
  if (config->values[0].as.i == 3) return DUNE_OK;
  delete static_cast<int*>(*out);
  *out = nullptr;
  std::memcpy(error->message, "only 3", 6);
  error->message_len = 6;
  return DUNE_E_INTERNAL;
}

TEST(TryOut, EveryProfileIsTried) {
  testing::TestLog log;
  plugin::FakePlugin fake;
  fake.table.create = picky;
  plugin::RunnerOptions runner;
  runner.log = &log.logger();
  const auto good = generation(fake, "");
  const auto bad = generation(fake, "shop: {odd_run: {threshold: 4}}");
  EXPECT_TRUE(try_out(generation(fake, "default: {odd_run: {enabled: false}}"), good, runner));
  const auto tried = try_out(good, bad, runner);
  ASSERT_FALSE(tried);
  EXPECT_THAT(tried.error().text,
              AllOf(HasSubstr("shop"), HasSubstr("odd_run"), HasSubstr("/p/odd.so"), HasSubstr("only 3")));
  EXPECT_TRUE(try_out(good, generation(fake, "shop: {odd_run: {threshold: 4, enabled: false}}"), runner));
  EXPECT_TRUE(try_out(bad, bad, runner)) << "what is in force already keeps nobody from a change";
}

}  // namespace
}  // namespace dunetrace::cli
