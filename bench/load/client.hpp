// Posts batches over many keep-alive connections and times the answers. One thread, one epoll.
// Closed loop: every connection sends as soon as it may. Open loop: requests are due at fixed instants, and the time of
// an answer counts from the instant its request was due, so a server that falls behind is not spared.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "load/shapes.hpp"

namespace dunetrace::load {

struct ClientOptions {
  std::uint16_t port = 0;
  std::size_t connections = 32;
  double seconds = 10;          // new requests are sent for that long
  double requests_per_s = 0;    // 0: closed loop
  std::uint32_t first_lap = 0;  // runs of other laps are other runs
  // Closed loop: sends nothing more while that many events are acknowledged and not visible; 0 = never mind.
  std::uint64_t most_behind = 0;
  std::function<std::uint64_t()> visible;  // events that became visible since the begin
};

struct Acknowledged {
  std::string batch_id;
  std::size_t events = 0;
};

struct ClientReport {
  std::vector<Acknowledged> batches;
  std::uint64_t events = 0;             // of them
  std::map<int, std::uint64_t> others;  // answers by status; 0 = no answer, the connection broke
  double seconds = 0;                   // from the first request to the last answer
  std::vector<double> latencies_ms;     // of the 202s, in order of their end
  std::uint64_t most_waiting = 0;       // open loop: requests that were due and had no free connection
};

[[nodiscard]] Result<ClientReport> run_client(std::vector<Batch>& batches, const ClientOptions& options);

}  // namespace dunetrace::load
