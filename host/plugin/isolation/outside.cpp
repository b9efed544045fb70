#include "plugin/isolation/outside.hpp"

#include <fmt/format.h>

#include "json/writer.hpp"
#include "plugin/isolation/library_codec.hpp"
#include "plugin/isolation/runner.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kNoAnswers = 4096;  // nothing is judged here
constexpr std::uint32_t kOnlyLibrary = 0;
constexpr std::size_t kAcceptedKept = 1024;             // combinations of parameters; far more than a file has sections
constexpr std::chrono::seconds kHungValidatePause{10};  // one hanging check per reload, not one per section

std::string clean(std::string_view text) {
  auto out = json::repair_utf8(text);
  std::erase(out, '\0');
  return out;
}

}  // namespace

Result<Library> describe_outside(const std::filesystem::path& file, const RunnerOptions& options) {
  const auto outside = std::make_shared<Outside>(file, options);
  return outside->describe(outside);
}

Result<std::string> sandbox_text(const RunnerOptions& options) {
  if (!options.sandbox) return std::string("none");
  DUNE_TRY(runner, Runner::start(options, nullptr, kNoAnswers));
  DUNE_TRY_VOID(runner->close());
  std::string text = "limits";
  for (const auto* const part : {"Landlock", "network namespace", "seccomp"})
    if (runner->missing().find(part) == std::string::npos) text.insert(0, std::string(part) + ", ");
  if (!runner->missing().empty()) text += "; without " + runner->missing();
  return text;
}

Outside::Outside(std::filesystem::path file, const RunnerOptions& options)
    : file_(std::move(file)), options_(options) {}

Outside::~Outside() = default;

Result<> Outside::start() {
  if (runner_ != nullptr && runner_->alive()) return {};
  runner_.reset();
  DUNE_TRY(started, Runner::start(options_, nullptr, kNoAnswers));
  DUNE_TRY_VOID(started->load(file_));
  DUNE_TRY_VOID(started->close());
  runner_ = std::move(started);
  return {};
}

Result<Library> Outside::describe(const std::shared_ptr<Outside>& self) {
  const std::lock_guard lock(mutex_);
  DUNE_TRY_VOID(start());
  Packer question;
  question.u32(kOnlyLibrary);
  auto answer = runner_->call(Message::describe, question.bytes(), options_.setup_limit);
  if (!answer) return tl::unexpected<Error>(std::move(answer).error());
  Unpacker in(*answer);
  DUNE_TRY(found, unpack_library(in));
  auto library = std::move(found.library);
  library.file = file_;
  library.mode = Mode::isolated;
  for (std::size_t i = 0; i < library.components.size(); ++i) {
    auto& component = library.components[i];
    component.outside = self;
    if (!found.validates[i]) continue;
    component.schema.check = [self, id = component.schema.id](std::span<const config::ParamValue> values) {
      return self->validate(id, values);
    };
  }
  runner_.reset();
  return library;
}

std::optional<std::string> Outside::validate(const std::string& component, std::span<const config::ParamValue> values) {
  const std::lock_guard lock(mutex_);
  Packer question;
  question.u32(kOnlyLibrary).text(component).values({values.begin(), values.end()});
  const std::pair asked(component, std::string(question.bytes()));
  if (auto why = still_silent(component, std::chrono::steady_clock::now())) return "could not be checked: " + *why;
  if (accepted_.contains(asked)) return std::nullopt;
  auto answer =
      start().and_then([&] { return runner_->call(Message::validate, question.bytes(), options_.question_limit); });
  runner_.reset();  // asked when a configuration is read, and then not for a long time
  const auto silent = [&](const std::string& why, bool hung) {
    const std::lock_guard known(known_mutex_);
    silent_.insert_or_assign(component, Silence{why, std::chrono::steady_clock::now(), hung});
    return "could not be checked: " + why;
  };
  if (!answer) return silent(answer.error().text, answer.error().code == Code::timeout);
  Unpacker in(*answer);
  const bool wrong = in.u32() != 0;
  const auto why = clean(in.text());
  if (!in.done()) return silent("the answer makes no sense", false);
  {
    const std::lock_guard known(known_mutex_);
    silent_.erase(component);
  }
  if (wrong) return why;
  if (accepted_.size() >= kAcceptedKept) accepted_.clear();
  accepted_.insert(asked);
  return std::nullopt;
}

std::optional<std::string> Outside::still_silent(const std::string& component, Time now) const {
  const std::lock_guard known(known_mutex_);
  const auto found = silent_.find(component);
  if (found == silent_.end() || !found->second.hung || now - found->second.since >= kHungValidatePause) return {};
  return found->second.why;
}

std::optional<std::string> Outside::unanswered(const std::string& component) const {
  const std::lock_guard known(known_mutex_);
  const auto found = silent_.find(component);
  return found == silent_.end() ? std::nullopt : std::optional(found->second.why);
}

void Outside::sweep(std::chrono::milliseconds idle) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock || runner_ == nullptr) return;
  if (!runner_->still_there() || std::chrono::steady_clock::now() - asked_at_ >= idle) runner_.reset();
}

Result<ExplainOutput> Outside::explain(const std::string& component, const ExplainInput& input,
                                       std::optional<Offence>* struck) {
  const std::lock_guard lock(mutex_);
  const auto now = asked_at_ = std::chrono::steady_clock::now();
  if (now < explains_again_) return fail(Code::unavailable, "not asked for a while after it crashed or hung");
  if (auto ready = start(); !ready) {
    explains_again_ = std::chrono::steady_clock::now() + options_.explain_pause;
    return tl::unexpected<Error>(std::move(ready).error());
  }
  Packer question;
  question.u32(kOnlyLibrary).text(component).text(input.signal_type).text(input.run_id).text(input.agent_id);
  question.text(input.evidence).u32(static_cast<std::uint32_t>(input.severity)).f64(input.confidence);
  question.u32(static_cast<std::uint32_t>(input.step_index));
  const auto answer = runner_->call(Message::explain, question.bytes(), options_.question_limit);
  if (!runner_->alive()) {
    explains_again_ = std::chrono::steady_clock::now() + options_.explain_pause;
    if (struck != nullptr) *struck = runner_->end().offence;
  }
  if (!answer) return tl::unexpected<Error>(answer.error());
  Unpacker in(*answer);
  if (in.u32() == 0 && in.done()) return fail(Code::internal, "it had nothing to say");
  ExplainOutput out;
  const auto fields = in.count(2 * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < fields; ++i) {
    auto field = clean(in.text());
    out.fields[std::move(field)] = clean(in.text());
  }
  const auto fixes = in.count(3 * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < fixes; ++i) {
    auto description = clean(in.text());
    auto language = clean(in.text());
    out.fixes.push_back({std::move(description), std::move(language), clean(in.text())});
  }
  if (!in.done()) return fail(Code::internal, "its answer makes no sense");
  return out;
}

}  // namespace dunetrace::plugin
