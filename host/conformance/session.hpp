// What a test works with: the file, the library once it is loaded, the runs, and the page to say on what is being done.
// Lives in the child; one thread.
#pragma once

#include <dunetrace/plugin.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "conformance/board.hpp"
#include "conformance/check.hpp"
#include "conformance/sample_runs.hpp"
#include "conformance/values.hpp"
#include "core/result.hpp"
#include "plugin/descriptor.hpp"

namespace dunetrace::conformance {

class Session {
 public:
  Session(const CheckOptions& options, Board& board) : options_(options), board_(board) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const std::filesystem::path& file() const { return options_.file; }
  [[nodiscard]] const CheckOptions& options() const { return options_; }
  [[nodiscard]] std::uint32_t kinds() const { return options_.kinds; }
  [[nodiscard]] Board& board() { return board_; }
  void doing(std::string_view what) { board_.doing(what); }

  // The descriptor as the entry function gives it; loads the library.
  [[nodiscard]] Result<const dune_plugin*> descriptor();
  [[nodiscard]] dune_entry_fn entry() const { return entry_; }
  // Described; loads the library when it is not yet.
  [[nodiscard]] Result<const plugin::Library*> library();

  // The runs of --run and --cases; to be read before the library is loaded.
  [[nodiscard]] Result<> read_given_runs();
  // Built-in examples and what was given, with the parameters a case asks for.
  [[nodiscard]] Result<std::vector<Sample>> examples(const plugin::Component& component);

 private:
  const CheckOptions& options_;
  Board& board_;
  dune_entry_fn entry_ = nullptr;
  const dune_plugin* descriptor_ = nullptr;
  std::optional<plugin::Library> library_;
  GivenRuns given_;
};

// Calls `look` for every component of this interface with its usual values; the first text that is not empty is the
// finding, named after the component. Skips when there is none, fails when the values cannot be made.
using Look = std::function<Finding(const plugin::Component&, const Values&)>;
[[nodiscard]] Finding each_component(Session& session, std::string_view interface, const Look& look);

}  // namespace dunetrace::conformance
