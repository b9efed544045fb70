#include "plugin/isolation/outward.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/secrets.hpp"
#include "json/reader.hpp"
#include "plugin/isolation/outward_codec.hpp"
#include "plugin/isolation/packing.hpp"
#include "plugin/isolation/runner.hpp"

namespace dunetrace::plugin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kNoAnswers = 4096;  // nothing is judged here
constexpr std::uint32_t kOnlyOne = 0;     // library, and instance
constexpr milliseconds kGrace{1'000};     // for a call that keeps its deadline to come back from it
constexpr milliseconds kLongest{600'000};

}  // namespace

OutsideInstance::OutsideInstance(const Entry& entry, std::vector<config::ParamValue> values, Services& services,
                                 const Outward& how)
    : entry_(entry), values_(std::move(values)), how_([&] {
        auto with = how;
        with.runner.services = &services;
        return with;
      }()) {}

OutsideInstance::~OutsideInstance() { config::wipe_secrets(entry_.component->schema, values_); }

Result<std::unique_ptr<OutsideInstance>> OutsideInstance::create(const Entry& entry,
                                                                 std::vector<config::ParamValue> values,
                                                                 Services& services, const Outward& how) {
  auto made = std::unique_ptr<OutsideInstance>(new OutsideInstance(entry, std::move(values), services, how));
  DUNE_TRY_VOID(made->start());
  return made;
}

Result<> OutsideInstance::start() {
  const auto& id = entry_.component->schema.id;
  if (how_.conduct != nullptr) {
    if (auto why = how_.conduct->off(id, entry_.library->sha256)) {
      runner_.reset();
      return fail(Code::denied, id + ": " + *why);
    }
  }
  if (runner_ != nullptr && runner_->alive()) return {};
  DUNE_TRY(started, Runner::start(how_.runner, nullptr, kNoAnswers));
  runner_ = std::move(started);
  runner_->speak_for([id](std::string_view who) { return who == id; });
  Packer question;
  question.u32(kOnlyOne).u32(kOnlyOne).text(id).text("").i64(0).values(values_);
  auto made = runner_->load(entry_.library->file).and_then([this] { return runner_->close(); }).and_then([&] {
    return runner_->call(Message::create, question.bytes(), how_.runner.setup_limit);
  });
  question.wipe();
  if (made) return {};
  auto error = std::move(made).error();
  take_end();
  runner_.reset();
  if (error.text.starts_with(id + ": ")) return tl::unexpected<Error>(std::move(error));
  return tl::unexpected<Error>(std::move(error).in(id));
}

Result<std::string> OutsideInstance::call(Message kind, const Packer& question, milliseconds deadline) {
  DUNE_TRY_VOID(start());
  Packer whole;
  whole.u32(kOnlyOne).append(question);
  if (whole.bytes().size() > kMaxFrameBytes) {
    return fail(Code::invalid_argument,
                fmt::format("{}: {} bytes at once, at most {} can be given to an isolated plugin",
                            entry_.component->schema.id, whole.bytes().size(), kMaxFrameBytes));
  }
  auto answer = runner_->call(kind, whole.bytes(), std::clamp(deadline, milliseconds(0), kLongest) + kGrace);
  if (!runner_->alive()) {
    take_end();
    runner_.reset();
    return tl::unexpected<Error>(std::move(answer).error().in(entry_.component->schema.id));
  }
  check_memory();
  return answer;
}

Error OutsideInstance::refuse(std::string text) {
  if (runner_ != nullptr) {
    runner_->give_up(Offence::violation, text);
    take_end();
    runner_.reset();
  }
  return Error{Code::internal, std::move(text)}.in(entry_.component->schema.id);
}

// Its runner ended: that is on record, and says whether there will be another one.
void OutsideInstance::take_end() {
  if (runner_ == nullptr || runner_->alive()) return;
  const auto& end = runner_->end();
  const auto& library = *entry_.library;
  const auto& id = entry_.component->schema.id;
  if (how_.runner.log != nullptr)
    how_.runner.log->warn("plugin.runner_ended", {{"component", id}, {"reason", end.text}});
  if (how_.conduct == nullptr) return;
  how_.conduct->strike({.component = id,
                        .library = library.id,
                        .version = library.version,
                        .sha256 = library.sha256,
                        .offence = end.offence,
                        .customer_id = {},
                        .run_id = {},
                        .text = end.text});
}

// What it does not give back goes with its runner; the answer stands.
void OutsideInstance::check_memory() {
  const auto held = runner_->resident_bytes(how_.runner.resident_bytes);
  if (held <= how_.runner.resident_bytes) return;
  constexpr std::size_t kMiB = 1024 * 1024;
  runner_->give_up(Offence::violation, fmt::format("held {} MiB of memory after a call, {} are allowed", held / kMiB,
                                                   how_.runner.resident_bytes / kMiB));
  take_end();
  runner_.reset();
}

namespace {

class OutsideDestination final : public Destination::Way {
 public:
  explicit OutsideDestination(std::unique_ptr<OutsideInstance> instance) : instance_(std::move(instance)) {}

  Delivery deliver(const AlertBatch& batch) override {
    Packer question;
    pack(question, batch);
    auto answer = instance_->call(Message::deliver, question, batch.deadline);
    if (!answer) return {Delivery::Outcome::failed, std::nullopt, std::move(answer).error().text};
    Unpacker in(*answer);
    auto said = unpack_delivery(in);
    if (said) return std::move(*said);
    return {Delivery::Outcome::failed, std::nullopt, instance_->refuse("sent " + said.error().text).text};
  }

 private:
  std::unique_ptr<OutsideInstance> instance_;
};

class OutsideIntegration final : public Integration::Way {
 public:
  explicit OutsideIntegration(std::unique_ptr<OutsideInstance> instance) : instance_(std::move(instance)) {}

  Result<std::string> invoke(const ActionCall& call) override {
    const auto& component = *instance_->entry().component;
    DUNE_TRY_VOID(check_call(component, call, parser_));  // here: what is wrong with it is told without a runner
    Packer question;
    pack(question, call);
    DUNE_TRY(answer, instance_->call(Message::invoke, question, call.deadline));
    Unpacker in(answer);
    auto text = std::string(in.text());
    if (!in.done()) return tl::unexpected<Error>(instance_->refuse("sent a result that makes no sense"));
    auto result = check_result(std::move(text), parser_);
    if (!result) return tl::unexpected<Error>(std::move(result).error().in(component.schema.id + ": " + call.action));
    return result;
  }

 private:
  std::unique_ptr<OutsideInstance> instance_;
  json::Parser parser_;
};

}  // namespace

Result<std::unique_ptr<Destination::Way>> outside_destination(const Entry& entry,
                                                              std::vector<config::ParamValue> values,
                                                              Services& services, const Outward& how) {
  DUNE_TRY(made, OutsideInstance::create(entry, std::move(values), services, how));
  return std::make_unique<OutsideDestination>(std::move(made));
}

Result<std::unique_ptr<Integration::Way>> outside_integration(const Entry& entry,
                                                              std::vector<config::ParamValue> values,
                                                              Services& services, const Outward& how) {
  DUNE_TRY(made, OutsideInstance::create(entry, std::move(values), services, how));
  return std::make_unique<OutsideIntegration>(std::move(made));
}

}  // namespace dunetrace::plugin
