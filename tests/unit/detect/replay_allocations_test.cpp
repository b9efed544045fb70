// A program of its own, because it counts every allocation: what a replay costs does not grow with its events.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "detect/replay.hpp"

namespace {
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes) {
  ++allocations;
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* counted(std::size_t bytes, std::align_val_t alignment) {
  ++allocations;
  const auto align = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(align, (bytes + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return counted(bytes, alignment); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return counted(bytes, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace dunetrace::detect {
namespace {

// Model calls, tool calls, retrievals and signals of the infrastructure; with `one_moment` all at one step and time,
// which is the worst a client can do to the search for repeats.
RunEvents sample(std::size_t count, bool one_moment) {
  const auto texts = std::make_shared<std::vector<std::string>>();
  texts->reserve(count);
  RunEvents run{"customer", "run", {}, texts};
  const auto add = [&](std::string_view type, std::string payload) {
    texts->push_back(std::move(payload));
    const auto at = static_cast<int>(run.events.size());
    Event event;
    event.id = at + 1;
    event.type = type;
    event.kind = event_kind(type);
    event.step_index = one_moment ? 1 : at / 2;
    event.timestamp = one_moment ? 1 : at;
    event.payload = texts->back();
    run.events.push_back(event);
  };
  add("run.started", R"({"tools":["search","read"],"input_hash":"2cf24dba5fb0a30e"})");
  while (run.events.size() + 7 <= count) {
    const auto name = "tool-" + std::to_string(run.events.size() % 1000);  // many tools, names too long to be free
    add("llm.called", R"({"model":"a model with a name that is long enough","prompt_tokens":)" + name.substr(5) + "}");
    add("llm.responded", R"({"finish_reason":"stop","output_length":3,"latency_ms":5,"of":")" + name + "\"}");
    add("tool.called", R"({"tool_name":")" + name + R"(","args_hash":"3b7b5a17b6341261"})");
    add("tool.responded", R"({"tool_name":")" + name + R"(","success":false,"error_hash":"deadbeefdeadbeef"})");
    add("retrieval.responded", R"({"index_name":"docs","result_count":0,"of":")" + name + "\"}");
    add("external.signal", R"({"signal_name":"slow","meta":{"b":[1,2],"a":{"x":")" + name + R"("}},"flat":1})");
    add("policy.triggered", R"({"policy_name":")" + name + "\"}");
  }
  add("run.completed", R"({"exit_reason":"final_answer"})");
  return run;
}

TEST(ReplayAllocations, DoNotGrowWithTheEvents) {
  // Lists of the run, its arena and what is needed meanwhile: the last two in chunks that grow, so that ten times the
  // events are a few chunks more.
  constexpr std::size_t kAtMost = 32, kChunksPerTenfold = 10;
  for (const bool one_moment : {false, true}) {
    std::size_t before = 0;
    for (const std::size_t events : {100U, 1'000U, 10'000U}) {
      Replayer replayer;
      auto run = sample(events, one_moment);
      static_cast<void>(replayer.replay(run));  // the parser's own memory
      const auto begin = allocations.load();
      const auto replayed = replayer.replay(std::move(run));
      const auto taken = allocations.load() - begin;
      EXPECT_GE(replayed.tool_calls.size(), events / 10);
      EXPECT_LE(taken, kAtMost) << events << " events, one moment: " << one_moment;
      if (before != 0) {
        EXPECT_LE(taken, before + kChunksPerTenfold) << events << " events, one moment: " << one_moment;
      }
      before = taken;
      RecordProperty((one_moment ? "one_moment_" : "events_") + std::to_string(events), static_cast<int>(taken));
    }
  }
}

}  // namespace
}  // namespace dunetrace::detect
