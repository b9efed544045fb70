// A signal with its explanation, as the run detail shows it; the list of signals adds whose it is.
#pragma once

#include "explain/explainer.hpp"
#include "json/writer.hpp"
#include "store/read_signals.hpp"

namespace dunetrace::api {

void write_signal(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer);
// The same with run_id, agent_id, agent_version and alerted.
void write_listed_signal(json::Writer& out, const store::SignalRow& signal, const explain::Explainer& explainer);

}  // namespace dunetrace::api
