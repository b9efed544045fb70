#include "batches.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <future>

namespace dunetrace::spool {

AcceptedBatch make_batch(const std::string& id, int events, int first_step, std::size_t payload_bytes) {
  auto texts = std::make_shared<std::deque<std::string>>();  // its elements stay where they are
  const auto keep = [&](std::string text) -> std::string_view { return texts->emplace_back(std::move(text)); };
  AcceptedBatch batch;
  batch.batch_id = id;
  batch.customer_id = "customer";
  for (int i = 0; i < events; ++i) {
    AcceptedEvent event;
    event.kind = i == 0 ? EventKind::run_started : i % 2 == 0 ? EventKind::llm_called : EventKind::tool_called;
    event.step_index = first_step + i;
    event.timestamp = 1767225600.25 + i;
    event.run_id = keep("run-" + id + "-" + std::to_string(i / 3));
    event.agent_id = keep("agent");
    event.agent_version = keep(i % 4 == 0 ? "v2" : "v1");
    event.payload = keep(R"({"text":")" + std::string(payload_bytes, 'x') + "\"}");
    if (i % 3 == 1) event.parent_run_id = keep("parent");
    if (i == 0) event.model = keep("model");
    if (event.kind == EventKind::llm_called) event.prompt_tokens = 100 + i;
    batch.events.push_back(event);
  }
  batch.bytes = static_cast<std::size_t>(events) * (payload_bytes + 200);
  batch.storage = texts;
  return batch;
}

Append append_now(Spool& spool, AcceptedBatch batch) {
  auto answer = std::make_shared<std::promise<Append>>();
  spool.append(std::move(batch), [answer](Append how) { answer->set_value(how); });
  return answer->get_future().get();
}

std::vector<std::string> ids(Spool& spool, std::size_t max_events) {
  std::vector<std::string> found;
  const auto group = spool.read(max_events, {}, std::chrono::steady_clock::now());
  for (const auto& [position, batch] : group.entries) found.push_back(batch->batch_id);
  return found;
}

std::vector<std::string> drain(Spool& spool, std::size_t max_events) {
  std::vector<std::string> found;
  while (true) {
    const auto group = spool.read(max_events, {}, std::chrono::steady_clock::now());
    if (group.end == 0) return found;
    for (const auto& [position, batch] : group.entries) found.push_back(batch->batch_id);
    spool.acknowledge(group.end);
  }
}

Result<std::unique_ptr<DiskSpool>> SpoolPlace::try_open(DiskSpoolOptions options) {
  options.file = file;
  return DiskSpool::open(std::move(options), clock, log.logger());
}

std::unique_ptr<DiskSpool> SpoolPlace::open(DiskSpoolOptions options) {
  auto opened = try_open(std::move(options));
  if (!opened) {
    ADD_FAILURE() << opened.error().text;
    std::abort();
  }
  return std::move(*opened);
}

}  // namespace dunetrace::spool
