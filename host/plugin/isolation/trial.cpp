#include "plugin/isolation/trial.hpp"

#include "plugin/isolation/packing.hpp"
#include "plugin/isolation/runner.hpp"

namespace dunetrace::plugin {
namespace {

constexpr std::size_t kNoAnswers = 4096;  // nothing is judged here

}  // namespace

Result<> try_outside(const Library& library, std::span<const TrialSeat> seats, const RunnerOptions& options) {
  DUNE_TRY(runner, Runner::start(options, nullptr, kNoAnswers));
  DUNE_TRY_VOID(runner->load(library.file));
  DUNE_TRY_VOID(runner->close());
  constexpr std::uint32_t kOnlyLibrary = 0;
  std::uint32_t number = 0;
  for (const auto& [component, with] : seats) {
    Packer question;
    question.u32(number++).u32(kOnlyLibrary).text(component->schema.id).text(with.category).i64(with.timeout.count());
    question.values(with.values);
    auto made = runner->call(Message::create, question.bytes(), options.setup_limit);
    if (made) continue;
    auto error = std::move(made).error();
    if (error.text.starts_with(component->schema.id)) return tl::unexpected<Error>(std::move(error));
    return tl::unexpected<Error>(std::move(error).in(component->schema.id));
  }
  return {};
}

}  // namespace dunetrace::plugin
