#include "recordings.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <iterator>
#include <stdexcept>
#include <vector>

namespace dunetrace::backtest::testing {
namespace {

std::vector<std::string> events_of(std::string_view run, int calls, std::string_view agent, double began) {
  std::vector<std::string> events{event("run.started", run, 0, "{}", began, agent)};
  for (int i = 1; i <= calls; ++i) {
    events.push_back(
        event("tool.called", run, i, R"({"tool_name":"search","args_hash":"3b7b5a17b6341261"})", began + i, agent));
  }
  events.push_back(event("run.completed", run, calls + 1, "{}", began + calls + 1, agent));
  return events;
}

}  // namespace

std::string event(std::string_view type, std::string_view run, int step, std::string_view payload, double timestamp,
                  std::string_view agent) {
  return fmt::format(
      R"({{"event_type":"{}","run_id":"{}","agent_id":"{}","agent_version":"v1","step_index":{},"timestamp":{},"payload":{}}})",
      type, run, agent, step, timestamp, payload);
}

std::string looping_run(std::string_view run, int calls, std::string_view agent, double began) {
  return fmt::format(R"({{"run_id":"{}","label":{{"task":1}},"events":[{}]}})", run,
                     fmt::join(events_of(run, calls, agent, began), ",")) +
         '\n';
}

std::string as_event_lines(std::string_view run, int calls) {
  return fmt::format("{}\n", fmt::join(events_of(run, calls, "shop", 1'767'225'600), "\n"));
}

std::string gzipped(std::string_view text) {
  std::string out(text.size() + 1024, '\0');
  z_stream stream{};
  if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib");
  }
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

Result<Recorded> drain(Source& source) {
  Recorded all;
  while (true) {
    DUNE_TRY(load, source.next());
    if (!load) return all;
    DUNE_TRY(part, load());
    std::ranges::move(part.runs, std::back_inserter(all.runs));
    std::ranges::move(part.skipped, std::back_inserter(all.skipped));
  }
}

}  // namespace dunetrace::backtest::testing
