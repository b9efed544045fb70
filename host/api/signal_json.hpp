// A signal with its explanation, as the run detail shows it; the list of signals adds whose it is.
#pragma once

#include "explain/explainer.hpp"
#include "json/writer.hpp"
#include "store/read_signals.hpp"

namespace dunetrace::api {

void write_signal(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer);
// The same with run_id, agent_id, agent_version and alerted; `with_withdrawn`: and when it was withdrawn, or null.
void write_listed_signal(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer,
                         bool with_withdrawn);
// The members of that, for an object which has others besides.
void write_listed_members(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer);

// What of a stored signal its explanation is made from; refers to `signal`.
[[nodiscard]] explain::SignalFacts facts_of(const store::SignalRow& signal);

}  // namespace dunetrace::api
