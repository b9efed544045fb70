#include "plugin/describe.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "fake_plugin.hpp"

namespace dunetrace::plugin {
namespace {

TEST(Describe, CopiesEverythingOutOfTheLibrary) {
  FakePlugin fake;
  const auto library = describe(&fake.plugin);
  ASSERT_TRUE(library) << library.error().text;
  EXPECT_EQ(library->id, "test.odd");
  EXPECT_EQ(library->version, "1.2.3");
  ASSERT_EQ(library->components.size(), 1U);
  const auto& component = library->components[0];
  EXPECT_EQ(component.schema.kind, "detector");
  EXPECT_EQ(component.schema.signal_types, std::vector<std::string>{"ODD_RUN"});
  ASSERT_EQ(component.schema.params.size(), 1U);
  EXPECT_EQ(component.schema.params[0].def, config::ParamValue(std::int64_t{3}));
  ASSERT_EQ(component.templates.size(), 1U);
  EXPECT_EQ(component.templates[0].signal_type, "ODD_RUN");
  EXPECT_EQ(component.templates[0].fixes[0].code, "Stop.");
}

struct Bend {
  const char* name;
  std::function<void(FakePlugin&)> bend;
  const char* says;
};

class Refused : public ::testing::TestWithParam<Bend> {};

TEST_P(Refused, WithTheReason) {
  FakePlugin fake;
  GetParam().bend(fake);
  const auto library = describe(&fake.plugin);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, Code::invalid_argument);
  EXPECT_NE(library.error().text.find(GetParam().says), std::string::npos) << library.error().text;
}

const char kText[] = "x";

INSTANTIATE_TEST_SUITE_P(
    Descriptors, Refused,
    ::testing::Values(
        Bend{"magic", [](FakePlugin& f) { f.plugin.magic = 0; }, "magic"},
        Bend{"major", [](FakePlugin& f) { f.plugin.abi_major = 2; }, "2.0"},
        Bend{"min_host", [](FakePlugin& f) { f.plugin.min_host_minor = 1; }, "update the host"},
        Bend{"descriptor_size", [](FakePlugin& f) { f.plugin.struct_size = 16; }, "descriptor"},
        Bend{"descriptor_absurd", [](FakePlugin& f) { f.plugin.struct_size = 1U << 30; }, "descriptor"},
        Bend{"no_id", [](FakePlugin& f) { f.plugin.id = {}; }, "plugin id"},
        Bend{"null_with_length",
             [](FakePlugin& f) {
               f.plugin.version = {nullptr, 5};
             },
             "without text"},
        Bend{"endless_text",
             [](FakePlugin& f) {
               f.plugin.vendor = {kText, std::size_t{1} << 40};
             },
             "at most"},
        Bend{"no_components", [](FakePlugin& f) { f.plugin.component_count = 0; }, "components"},
        Bend{"many_components", [](FakePlugin& f) { f.plugin.component_count = 0xFFFFFFFF; }, "components"},
        Bend{"null_components", [](FakePlugin& f) { f.plugin.components = nullptr; }, "components"},
        Bend{"zero_stride", [](FakePlugin& f) { f.plugin.component_stride = 0; }, "stride"},
        Bend{"component_size", [](FakePlugin& f) { f.component.struct_size = 3; }, "component record"},
        Bend{"component_id", [](FakePlugin& f) { f.component.id = to_str("Odd Run"); }, "lower_snake_case"},
        Bend{"no_title", [](FakePlugin& f) { f.component.title = {}; }, "title"},
        Bend{"no_vtable", [](FakePlugin& f) { f.component.vtable = nullptr; }, "table"},
        Bend{"vtable_size", [](FakePlugin& f) { f.table.struct_size = 8; }, "table"},
        Bend{"no_detect", [](FakePlugin& f) { f.table.detect = nullptr; }, "detect"},
        Bend{"no_create", [](FakePlugin& f) { f.table.create = nullptr; }, "create"},
        Bend{"signal_type", [](FakePlugin& f) { f.table.default_signal_type = to_str("odd-run"); }, "UPPER_SNAKE_CASE"},
        Bend{"templates_null", [](FakePlugin& f) { f.table.templates = nullptr; }, "templates"},
        Bend{"template_stride", [](FakePlugin& f) { f.table.template_stride = 4; }, "stride"},
        Bend{"template_count", [](FakePlugin& f) { f.table.template_count = 1000; }, "templates"},
        Bend{"template_title", [](FakePlugin& f) { f.text.title = {}; }, "title"},
        Bend{"fixes_null", [](FakePlugin& f) { f.text.fixes = nullptr; }, "fixes"},
        Bend{"param_count", [](FakePlugin& f) { f.component.param_count = 1000; }, "parameters"},
        Bend{"param_stride", [](FakePlugin& f) { f.component.param_stride = 16; }, "stride"},
        Bend{"param_size", [](FakePlugin& f) { f.param.struct_size = 20; }, "parameter record"},
        Bend{"param_name", [](FakePlugin& f) { f.param.name = to_str("_x"); }, "lower_snake_case"},
        Bend{"param_reserved", [](FakePlugin& f) { f.param.name = to_str("severity"); }, "reserved"},
        Bend{"param_type", [](FakePlugin& f) { f.param.type = 77; }, "type 77"},
        Bend{"param_no_default", [](FakePlugin& f) { f.param.def = {}; }, "no default"},
        Bend{"param_default_type", [](FakePlugin& f) { f.param.def.type = DUNE_VALUE_STRING; }, "has type"},
        Bend{"param_range", [](FakePlugin& f) { f.param.def = int_value(11); }, "minimum <= default"},
        Bend{"choices_null", [](FakePlugin& f) { f.param.choices = {nullptr, 3, sizeof(dune_str)}; }, "no table"}),
    [](const auto& bent) { return bent.param.name; });

TEST(Describe, RefusesTheSameIdTwice) {
  FakePlugin fake;
  std::vector<dune_component> twice{fake.component, fake.component};
  fake.plugin.components = twice.data();
  fake.plugin.component_count = 2;
  EXPECT_NE(describe(&fake.plugin).error().text.find("declared twice"), std::string::npos);
}

TEST(Describe, LeavesOutInterfacesItDoesNotKnow) {
  FakePlugin fake;
  fake.component.iface = to_str("com.example.trace/2");
  const auto library = describe(&fake.plugin);
  ASSERT_TRUE(library);
  EXPECT_TRUE(library->components.empty());
}

TEST(Describe, ReadsANewersLargerRecords) {
  FakePlugin fake;
  struct Larger {
    dune_component known;
    std::uint64_t later[4];
  } larger{fake.component, {1, 2, 3, 4}};
  larger.known.struct_size = sizeof larger;
  fake.plugin.components = &larger.known;
  fake.plugin.component_stride = sizeof larger;
  const auto library = describe(&fake.plugin);
  ASSERT_TRUE(library) << library.error().text;
  EXPECT_EQ(library->components[0].schema.id, "odd_run");
}

TEST(Describe, RepairsInvalidUtf8) {
  FakePlugin fake;
  fake.component.title = to_str("a\xFFz");
  EXPECT_EQ(describe(&fake.plugin)->components[0].schema.title, "a\xEF\xBF\xBDz");
}

TEST(Describe, RefusesNothing) { EXPECT_FALSE(describe(nullptr)); }

// Damage to numbers and sizes must never be more than a refusal. Pointers are left alone: a wrong one is a crash that
// only another process can contain.
TEST(Describe, SurvivesRandomNumbers) {
  std::mt19937 random(11);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    FakePlugin fake;
    const auto any = [&] { return static_cast<std::uint32_t>(random() % 4 == 0 ? random() : random() % 300); };
    const auto smaller = [&](std::size_t size) { return static_cast<std::uint32_t>(any() % size); };
    switch (random() % 9) {
      case 0:
        fake.plugin.component_count = any();
        fake.plugin.component_count = std::max(2U, fake.plugin.component_count) + 64;
        break;
      case 1:
        fake.plugin.struct_size = smaller(sizeof fake.plugin);
        break;
      case 2:
        fake.component.struct_size = smaller(sizeof fake.component);
        break;
      case 3:
        fake.component.param_count = any() + 65;
        break;
      case 4:
        fake.param.struct_size = smaller(sizeof fake.param);
        break;
      case 5:
        fake.param.type = any() + 6;
        break;
      case 6:
        fake.table.template_count = any() + 33;
        break;
      case 7:
        fake.text.fix_count = any() + 17;
        break;
      default:
        fake.plugin.abi_major = static_cast<std::uint16_t>(any() + 2);
        break;
    }
    if (!describe(&fake.plugin)) ++refused;
  }
  EXPECT_GT(refused, 4000);
}

}  // namespace
}  // namespace dunetrace::plugin
