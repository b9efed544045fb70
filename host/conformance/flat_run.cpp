#include "conformance/flat_run.hpp"

#include "plugin/take.hpp"

namespace dunetrace::conformance {
namespace {

constexpr std::uint32_t kLaterBits = 0x7FF0'0000;  // bits that version 1.0 does not have

class Flattener {
 public:
  Flattener(const HostShape& shape, GuardedMemory& memory) : shape_(shape), memory_(memory) {}

  void text(dune_str& s) {
    if (s.ptr == nullptr) return;
    if (shape_.guard_texts) s.ptr = memory_.copy({s.ptr, s.len});
  }
  void later(std::uint32_t& has) const {
    if (shape_.newer) has |= kLaterBits;
  }
  void record(dune_str& r) { text(r); }
  void record(dune_tool_call& r) { later(r.has), text(r.tool_name), text(r.args_hash), text(r.error_hash); }
  void record(dune_llm_call& r) { later(r.has), text(r.model), text(r.finish_reason); }
  void record(dune_retrieval& r) { later(r.has), text(r.index_name); }
  void record(dune_event& r) { later(r.has), text(r.type), text(r.payload_json); }
  void record(dune_external_signal& r) { later(r.has), text(r.name), text(r.source), text(r.meta_json); }
  void record(dune_step_duration& r) { later(r.has), text(r.type); }

  template <class T>
  void table(dune_array& array) {
    const std::size_t stride = sizeof(T) + shape_.padding;
    auto* const to = static_cast<unsigned char*>(memory_.take(stride * array.count));
    for (std::uint32_t i = 0; i < array.count; ++i) {
      T one;
      std::memcpy(&one, plugin::element(array.data, array.stride, i), sizeof one);
      record(one);
      std::memcpy(to + i * stride, &one, sizeof one);
      std::memset(to + i * stride + sizeof one, kFiller, shape_.padding);
    }
    array = {to, array.count, static_cast<std::uint32_t>(stride)};
  }

 private:
  const HostShape& shape_;
  GuardedMemory& memory_;
};

}  // namespace

const dune_run* flatten(const dune_run& from, const HostShape& shape, GuardedMemory& memory) {
  Flattener flat(shape, memory);
  dune_run run = from;
  for (auto* text : {&run.run_id, &run.agent_id, &run.agent_version, &run.category, &run.parent_run_id,
                     &run.exit_reason, &run.input_hash}) {
    flat.text(*text);
  }
  flat.later(run.has);
  flat.table<dune_str>(run.available_tools);
  flat.table<dune_tool_call>(run.tool_calls);
  flat.table<dune_llm_call>(run.llm_calls);
  flat.table<dune_retrieval>(run.retrievals);
  flat.table<dune_event>(run.events);
  flat.table<dune_external_signal>(run.external_signals);
  flat.table<dune_step_duration>(run.step_durations);
  return place(run, shape, memory);
}

}  // namespace dunetrace::conformance
