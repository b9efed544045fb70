#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "fake_plugin.hpp"
#include "plugin/circuit.hpp"
#include "plugin/describe.hpp"
#include "plugin/isolation/library_codec.hpp"
#include "plugin/isolation/packing.hpp"
#include "plugin/isolation/region.hpp"
#include "plugin/run_space.hpp"
#include "plugin/run_view.hpp"

namespace dunetrace::plugin {
namespace {

using std::chrono::seconds;

TEST(Packing, GivesBackWhatWasPacked) {
  const std::vector<config::ParamValue> values{true, std::int64_t{-7}, 0.25, std::string("te\0xt", 5),
                                               std::vector<std::string>{"a", ""}};
  Packer to;
  to.u32(7).i64(-1).f64(1.5).text("").values(values);
  Unpacker from(to.bytes());
  EXPECT_EQ(from.u32(), 7U);
  EXPECT_EQ(from.i64(), -1);
  EXPECT_EQ(from.f64(), 1.5);
  EXPECT_EQ(from.text(), "");
  EXPECT_EQ(from.values(), values);
  EXPECT_TRUE(from.done());
}

TEST(Packing, NeverReadsPastItsEnd) {
  Packer to;
  to.u32(0xFFFF'FFFF).text("short");
  for (std::size_t size = 0; size <= to.bytes().size(); ++size) {
    const auto part = to.bytes().substr(0, size);
    Unpacker texts(part);
    EXPECT_TRUE(texts.texts().empty());
    EXPECT_FALSE(texts.done());
    Unpacker text(part);
    static_cast<void>(text.text());
    EXPECT_FALSE(text.ok());
    EXPECT_EQ(text.u64(), 0U) << "nothing after a bad read";
  }
}

TEST(LibraryCodec, GivesTheLibraryThatWasDescribed) {
  FakePlugin fake;
  const auto library = describe(&fake.plugin).value();
  Packer to;
  pack(to, library);
  Unpacker from(to.bytes());
  const auto found = unpack_library(from);
  ASSERT_TRUE(found) << found.error().text;
  Packer again;
  pack(again, found->library);
  EXPECT_EQ(again.bytes(), to.bytes());
  EXPECT_EQ(found->library.components.front().vtable, nullptr);
}

TEST(LibraryCodec, HoldsARunnerToTheRulesForTables) {
  FakePlugin fake;
  auto library = describe(&fake.plugin).value();
  const auto refusal = [&] {
    Packer to;
    pack(to, library);
    Unpacker from(to.bytes());
    const auto found = unpack_library(from);
    return found ? std::string("taken") : found.error().text;
  };
  library.components.front().schema.id = "Not Snake";
  EXPECT_NE(refusal().find("lower_snake_case"), std::string::npos);
  library.components.front().schema.id = "odd_run";
  library.components.push_back(library.components.front());
  EXPECT_NE(refusal().find("twice"), std::string::npos);
}

TEST(LibraryCodec, SurvivesEveryByteBeingWrong) {
  FakePlugin fake;
  Packer to;
  pack(to, describe(&fake.plugin).value());
  std::mt19937 random(20261121);  // NOLINT: the same damage every time
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = to.bytes();
    for (int k = 0; k < 1 + i % 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (i % 3 == 0) bytes.resize(random() % bytes.size());
    Unpacker from(bytes);
    if (!unpack_library(from)) ++refused;
  }
  EXPECT_GT(refused, 10'000);
}

TEST(Circuit, OpensAfterFiveFailuresInARowForAMinute) {
  Circuit circuit;
  const Circuit::Time start{seconds(100)};
  for (int i = 0; i < 4; ++i) circuit.failed("a", "no", start);
  circuit.succeeded("a");
  for (int i = 0; i < 4; ++i) circuit.failed("a", "no", start);
  EXPECT_FALSE(circuit.open("a", start));
  circuit.failed("a", "never", start);
  ASSERT_TRUE(circuit.open("a", start + seconds(59)));
  EXPECT_NE(circuit.open("a", start)->find("never"), std::string::npos);
  EXPECT_FALSE(circuit.open("b", start));
  EXPECT_FALSE(circuit.open("a", start + seconds(60)));
}

TEST(RunSpace, LaysOutWhatAViewShows) {
  ::dunetrace::Run run;
  const std::string tool = "search";
  run.source.run_id = "r";
  run.agent_id = "agent";
  run.current_step = 3;
  for (int i = 0; i < 3; ++i) {
    ToolCall call;
    call.tool_name = tool;
    call.step_index = i;
    run.tool_calls.push_back(call);
  }
  std::vector<std::byte> memory(64 * 1024);
  RunSpace space(memory);
  const auto* const laid_out = space.add(run, "default");
  ASSERT_NE(laid_out, nullptr);
  const RunView seen(run, "default");
  EXPECT_EQ(view(laid_out->run_id), "r");
  EXPECT_EQ(view(laid_out->category), "default");
  EXPECT_EQ(laid_out->exit_reason.ptr, nullptr) << "absent stays absent";
  EXPECT_EQ(laid_out->tool_calls.count, seen.raw().tool_calls.count);
  EXPECT_EQ(laid_out->current_step, 3);
  const auto* const first = DUNE_AT(laid_out->tool_calls, dune_tool_call, 0);
  const auto* const last = DUNE_AT(laid_out->tool_calls, dune_tool_call, 2);
  EXPECT_EQ(view(last->tool_name), "search");
  EXPECT_EQ(last->tool_name.ptr, first->tool_name.ptr) << "one copy of one text";
  EXPECT_NE(static_cast<const void*>(last->tool_name.ptr), static_cast<const void*>(tool.data()));
}

TEST(RunSpace, GivesBackTheRoomOfARunThatDoesNotFit) {
  ::dunetrace::Run small;
  small.source.run_id = "small";
  ::dunetrace::Run large;
  large.tool_calls.resize(1000);
  std::vector<std::byte> memory(16 * 1024);
  RunSpace space(memory);
  ASSERT_NE(space.add(small, "default"), nullptr);
  const auto used = space.used();
  EXPECT_EQ(space.add(large, "default"), nullptr);
  EXPECT_EQ(space.used(), used);
  EXPECT_NE(space.add(small, "default"), nullptr);
}

TEST(Region, CannotBeShrunkUnderItsOwner) {
  const auto region = Region::make(8192, Region::Writers::both).value();
  EXPECT_NE(::ftruncate(region.fd(), 0), 0);
  region.data()[8191] = std::byte{1};
}

TEST(Region, OfTheHostIsWrittenByTheHostAlone) {
  const auto region = Region::make(8192, Region::Writers::host_only).value();
  EXPECT_EQ(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, region.fd(), 0), MAP_FAILED);
  auto* const view_of_it = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, region.fd(), 0);
  ASSERT_NE(view_of_it, MAP_FAILED);
  EXPECT_NE(::mprotect(view_of_it, 8192, PROT_READ | PROT_WRITE), 0);
  region.data()[0] = std::byte{7};
  EXPECT_EQ(*static_cast<std::byte*>(view_of_it), std::byte{7});
  ::munmap(view_of_it, 8192);
}

}  // namespace
}  // namespace dunetrace::plugin
