// The sink of the tests: passes everything on to the host's own sink and notes what a plugin does that the host would
// have to mend or refuse. One detect() call at a time.
#pragma once

#include <dunetrace/plugin.h>

#include <memory>
#include <string>
#include <vector>

#include "conformance/flat_run.hpp"
#include "conformance/guarded.hpp"
#include "core/signal.hpp"
#include "plugin/sink.hpp"

namespace dunetrace::conformance {

class Recorder {
 public:
  // `cancelled`: what cancelled() says.
  Recorder(const plugin::Component& component, std::int32_t current_step, bool cancelled, const HostShape& shape,
           GuardedMemory& memory);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  [[nodiscard]] dune_sink* raw() { return sink_; }
  [[nodiscard]] std::vector<Signal>& signals() { return inner_.signals(); }
  [[nodiscard]] std::vector<std::string> breaches() const;

 private:
  friend struct RecorderCalls;
  plugin::Sink inner_;
  bool cancelled_;
  std::vector<std::string> breaches_;
  dune_json* json_;
  dune_sink* sink_;
};

// The host's writer for results of integrations, with the same notes.
class ResultWriter {
 public:
  ResultWriter(const HostShape& shape, GuardedMemory& memory);
  ResultWriter(const ResultWriter&) = delete;
  ResultWriter& operator=(const ResultWriter&) = delete;

  [[nodiscard]] dune_json* raw() { return json_; }
  [[nodiscard]] const json::Writer& written() const { return writer_; }
  [[nodiscard]] const std::vector<std::string>& breaches() const { return breaches_; }

 private:
  friend struct ResultCalls;
  json::Writer writer_;
  std::vector<std::string> breaches_;
  dune_json* json_;
};

}  // namespace dunetrace::conformance
