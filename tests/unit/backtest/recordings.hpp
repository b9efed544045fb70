// Recorded runs as text, for the tests of this folder.
#pragma once

#include <string>
#include <string_view>

#include "backtest/file_source.hpp"

namespace dunetrace::backtest::testing {

// One wire event; `payload` is a JSON object.
std::string event(std::string_view type, std::string_view run, int step, std::string_view payload = "{}",
                  double timestamp = 1'767'225'600, std::string_view agent = "shop");

// A run that calls `tool` `calls` times, as one line with its line break.
std::string looping_run(std::string_view run, int calls, std::string_view agent = "shop", double began = 1'767'225'600);

// The same events, one per line.
std::string as_event_lines(std::string_view run, int calls);

std::string gzipped(std::string_view text);

// Everything a source gives, in its order.
Result<Recorded> drain(Source& source);

}  // namespace dunetrace::backtest::testing
