// Random runs for the tests of this folder: events of every kind with payloads of every shape, and what a replayed run
// looks like as text. Pure; all randomness comes from the generator passed in.
#pragma once

#include <random>
#include <string>

#include "core/event.hpp"
#include "core/run.hpp"

namespace dunetrace::detect::testing {

using Random = std::mt19937;

// Up to `most` - 1, alike on every platform.
std::size_t pick(Random& random, std::size_t most);

// Payloads point into static text, so that runs can be copied. Ids count from 1 in the order of the list, which is
// neither that of steps nor of times. With `ties` several different events share step and time.
RunEvents random_run(Random& random, std::size_t events, bool ties);

// Everything a detector can see of it.
std::string as_text(const Run& run);

}  // namespace dunetrace::detect::testing
