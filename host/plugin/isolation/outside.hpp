// Libraries that are never mapped in this process: they are described, asked to validate and to explain through a
// runner of their own. The loader calls this. Any thread.
#pragma once

#include <filesystem>

#include "core/result.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/isolation/runner_options.hpp"

namespace dunetrace::plugin {

// What the library at `file` says about itself, found out in a process of its own and checked here by the rules of
// describe(). `file`, `mode` (isolated) are filled; the caller adds `path`, `sha256` and `first_party`. Its components
// have no vtable; schema.check asks a kept runner (restarted when it died) and explain_call() does, too.
// Errors: Code::invalid_argument (it cannot be loaded, or breaks a rule; the text does not name the file),
// Code::internal (it crashed or hung), Code::unavailable (no runner could be started).
[[nodiscard]] Result<Library> describe_outside(const std::filesystem::path& file, const RunnerOptions& options);

}  // namespace dunetrace::plugin
