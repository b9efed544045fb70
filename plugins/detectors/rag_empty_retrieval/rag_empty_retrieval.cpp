// RAG_EMPTY_RETRIEVAL: the agent answered although a retrieval found nothing usable. Good retrievals elsewhere in the
// run do not make up for it. Called by the host through the ABI, one thread at a time per instance.
#include <dunetrace/detector.hpp>

#include <cstdint>
#include <optional>
#include <tuple>

#include "common/evidence.hpp"
#include "common/first_party.hpp"
#include "explanation.hpp"

namespace {

using dunetrace::Retrieval;

struct RagEmptyRetrieval : detectors::FirstParty {
  struct Params {
    double min_score;
    std::int64_t min_results;
  };
  static constexpr const char* plugin_id = "dunetrace.rag_empty_retrieval";
  static constexpr const char* id = "rag_empty_retrieval";
  static constexpr const char* title = "Empty retrieval";
  static constexpr const char* signal = "RAG_EMPTY_RETRIEVAL";
  static constexpr const char* doc = "A final answer was given although a retrieval found nothing, or nothing similar.";
  static constexpr const auto& templates = rag_empty_retrieval_text::kExplanations;
  static constexpr auto params = std::make_tuple(
      dunetrace::param(&Params::min_score, "min_score", 0.3, 0.0, 1e6, "score",
                       "A best similarity score below this is a bad retrieval; an unknown score never is."),
      dunetrace::param(&Params::min_results, "min_results", 1, 0, 10'000, "results",
                       "Fewer results than this are a bad retrieval."));

  explicit RagEmptyRetrieval(const Params& p) : p_(p) {}

  void detect(dunetrace::Run run, dunetrace::Sink& out) const {
    if (!run.ended_with("final_answer")) return;
    std::optional<Retrieval> worst;  // fewest results, the first one on ties
    std::int64_t bad = 0;
    for (const Retrieval retrieval : run.retrievals()) {
      if (!is_bad(retrieval)) continue;
      ++bad;
      if (!worst || retrieval.result_count() < worst->result_count()) worst = retrieval;
    }
    if (!worst) return;
    out.signal(dunetrace::Severity::medium, 0.88, run.step())
        .with("index_name", detectors::clip(worst->index_name()))
        .with("result_count", worst->result_count())
        .with("top_score", worst->top_score())
        .with("bad_retrievals", bad)
        .emit();
  }

 private:
  bool is_bad(const Retrieval& retrieval) const {
    if (retrieval.result_count() < p_.min_results) return true;
    const auto score = retrieval.top_score();
    return score && *score < p_.min_score;
  }

  Params p_;
};

}  // namespace

DUNE_DETECTOR_PLUGIN(RagEmptyRetrieval)
