// Libraries that are never mapped in this process: they are described, asked to validate and to explain through a
// runner of their own. The loader calls this. Any thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "core/result.hpp"
#include "plugin/conduct.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/explain_call.hpp"
#include "plugin/isolation/runner_options.hpp"

namespace dunetrace::plugin {

class Packer;
class Runner;

// What the library at `file` says about itself, found out in a process of its own and checked here by the rules of
// describe(). `file`, `mode` (isolated) are filled; the caller adds `path`, `sha256` and `first_party`. Its components
// have no vtable; schema.check asks a kept runner (restarted when it died) and explain_call() does, too.
// Errors: Code::invalid_argument (it cannot be loaded, or breaks a rule; the text does not name the file),
// Code::internal (it crashed or hung), Code::unavailable (no runner could be started).
[[nodiscard]] Result<Library> describe_outside(const std::filesystem::path& file, const RunnerOptions& options);

// What holds runners back on this machine, for people: "seccomp, network namespace, limits", or that and what the
// kernel does not allow. Starts a runner to find out.
[[nodiscard]] Result<std::string> sandbox_text(const RunnerOptions& options);

// Somebody who reads on comes back before; an hour later it is a process for nothing.
constexpr std::chrono::milliseconds kIdleExplainer{60'000};

// The runner that answers for one library outside of detection. It starts with a question; it stays when more are to
// be expected (explanations) and is ended when nobody refers to it any more. Thread-safe; questions wait for each
// other.
class Outside {
 public:
  Outside(std::filesystem::path file, const RunnerOptions& options);
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

  [[nodiscard]] Result<Library> describe(const std::shared_ptr<Outside>& self);
  // The reason why the values make no sense together, which may be that the question could not be answered.
  [[nodiscard]] std::optional<std::string> validate(const std::string& component,
                                                    std::span<const config::ParamValue> values);
  // Why the latest question about parameters of that component got no answer at all: it crashed or hung.
  [[nodiscard]] std::optional<std::string> unanswered(const std::string& component) const;
  // `struck` is set when it crashed or hung now. For a while after that the library is not asked: Code::unavailable.
  [[nodiscard]] Result<ExplainOutput> explain(const std::string& component, const ExplainInput& input,
                                              std::optional<Offence>* struck = nullptr);

  // Reaps the runner when it has ended, and ends it when it has not been asked to explain for `idle`. Does not wait for
  // a question that is under way.
  void sweep(std::chrono::milliseconds idle = kIdleExplainer);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Silence {
    std::string why;
    Time since;
    bool hung = false;
  };

  Result<> start();
  [[nodiscard]] std::optional<std::string> still_silent(const std::string& component, Time now) const;
  const std::filesystem::path file_;
  const RunnerOptions options_;
  mutable std::mutex known_mutex_;                          // never held during a question
  std::map<std::string, Silence, std::less<>> silent_;      // components whose validate() gave no answer
  std::set<std::pair<std::string, std::string>> accepted_;  // component and packed values: pure, so asked once
  std::mutex mutex_;
  Time explains_again_{};
  Time asked_at_{};  // to explain, the last time
  std::unique_ptr<Runner> runner_;
};

}  // namespace dunetrace::plugin
