// The disk spool against the queue in memory, in one run: how long until a batch may be answered with 202, and how many
// events per second, with 1, 8 and 64 clients that wait for each answer. One reader acknowledges at once, so no
// database is in the way. Each batch has 100 events with 100-byte payloads.
//   build/release/bench/spool_bench   (SPOOL_BENCH_DIR=… for another disk than the one of the temporary directory)
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>
#include <thread>

#include "core/ids.hpp"
#include "spool/disk_spool.hpp"
#include "spool/queue.hpp"

namespace {

using namespace dunetrace;
using std::chrono::steady_clock;

constexpr int kEvents = 100;

AcceptedBatch make_batch() {
  static const std::string payload =
      R"({"tool_name":"search","args_hash":"2cf24dba5fb0a30e","text":")" + std::string(40, 'x') + R"("})";
  AcceptedBatch batch;
  batch.batch_id = "00000000-0000-4000-8000-000000000000";
  batch.customer_id = "customer";
  batch.events.resize(kEvents);
  for (int i = 0; i < kEvents; ++i) {
    auto& event = batch.events[static_cast<std::size_t>(i)];
    event.kind = EventKind::tool_called;
    event.step_index = i;
    event.run_id = "5f0c6c2e-7d0b-4c53-9a52-1d6a3f4b8e10";
    event.agent_id = "agent";
    event.agent_version = "v1";
    event.payload = payload;
  }
  batch.bytes = kEvents * (payload.size() + sizeof(AcceptedEvent));
  return batch;
}

spool::Append append(spool::Spool& spool) {
  auto answer = std::make_shared<std::promise<spool::Append>>();
  spool.append(make_batch(), [answer](spool::Append how) { answer->set_value(how); });
  return answer->get_future().get();
}

// One client: appends, waits for the answer, and so on.
void client(spool::Spool& spool, int batches, std::vector<double>& ms) {
  for (int i = 0; i < batches; ++i) {
    const auto begin = steady_clock::now();
    while (append(spool) != spool::Append::accepted) std::this_thread::yield();  // full: the reader is behind
    ms.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - begin).count());
  }
}

void run(benchmark::State& state, spool::Spool& spool) {
  const auto clients = static_cast<std::size_t>(state.range(0));
  constexpr int kBatches = 200;  // per client and iteration
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto group = spool.read(5'000, stop, steady_clock::now() + std::chrono::seconds(1));
      if (group.end != 0) spool.acknowledge(group.end);
    }
  });
  std::vector<double> all;
  std::int64_t events = 0;
  for (auto _ : state) {
    std::vector<std::vector<double>> ms(clients);
    {
      std::vector<std::jthread> threads;
      for (auto& own : ms) threads.emplace_back([&] { client(spool, kBatches, own); });
    }
    for (const auto& own : ms) all.insert(all.end(), own.begin(), own.end());
    events += static_cast<std::int64_t>(clients) * kBatches * kEvents;
  }
  std::ranges::sort(all);
  const auto at = [&](double part) {
    return all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * part)];
  };
  state.counters["p50_ms"] = at(0.5);
  state.counters["p99_ms"] = at(0.99);
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}

void memory(benchmark::State& state) {
  spool::Queue queue({});
  run(state, queue);
}

void disk(benchmark::State& state) {
  const auto* chosen = std::getenv("SPOOL_BENCH_DIR");
  const auto base = chosen != nullptr ? std::filesystem::path(chosen) : std::filesystem::temp_directory_path();
  const auto dir = base / ("spool-bench-" + random_hex(4));
  {
    const SystemClock clock;
    telemetry::Logger log(telemetry::Level::error);
    auto opened = spool::DiskSpool::open({.file = dir / "spool" / "ingest.db"}, clock, log);
    if (!opened) return state.SkipWithError(opened.error().text.c_str());
    run(state, **opened);
  }
  std::filesystem::remove_all(dir);
}

BENCHMARK(memory)->Arg(1)->Arg(8)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(0.3);
BENCHMARK(disk)->Arg(1)->Arg(8)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(0.3);

}  // namespace
