// The questions of one group on their way to its runner, and the answers on theirs back.
#include "plugin/isolation/crew.hpp"

#include <algorithm>

#include "json/writer.hpp"
#include "plugin/isolation/packing.hpp"
#include "plugin/sink.hpp"

namespace dunetrace::plugin {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kShortestBatch{2'000};

}  // namespace

// No detector that keeps to its own timeout is ever stopped by it: each question is watched on its own, up to twice its
// timeout. This is for a runner that lies about how far it is.
milliseconds batch_limit(milliseconds all_timeouts) { return std::max(2 * all_timeouts, kShortestBatch); }

// Everything that has no answer yet goes to the runner. Where that is not possible it gets an answer here.
void Crew::send(Group& group) {
  group.sent = false;
  while (std::ranges::any_of(group.asked, [](const Asked& one) { return !one.answered; })) {
    if (stopping(group)) return;
    if (!prepare(group)) continue;
    group.order.clear();
    for (std::uint32_t i = 0; i < group.asked.size(); ++i)
      if (!group.asked[i].answered) group.order.push_back(i);
    if (group.order.empty()) return;
    const auto* const table = write_table(group, 0);
    if (table == nullptr) return fail_all(group, "too many questions at once");
    group.sent_up_to = group.asked.size();
    group.read = 0;
    group.read_bytes = 0;
    if (group.runner->ask(table, 0, static_cast<std::uint32_t>(group.order.size()), pages_of(group, 0))) {
      group.sent = true;
      return;
    }
    take_end(group);
  }
}

// The host does not wait for plugins then: the runner goes, and whatever it was asked will be asked by the next start.
bool Crew::stopping(Group& group) {
  if (!options_.stop.stop_requested()) return false;
  interrupted_ = true;
  group.sent = false;
  if (group.runner) group.runner->give_up(Offence::exit, "the host is stopping");
  drop_runner(group);
  fail_all(group, "the host is stopping");
  return true;
}

// What was asked since, behind what the runner has already, so that it works while the next runs are laid out. What
// needs more than that waits until collect().
void Crew::send_more(Group& group) {
  const auto ready = [&](const Asked& one) { return group.created.contains(one.seat); };
  if (!std::all_of(group.asked.begin() + static_cast<std::ptrdiff_t>(group.sent_up_to), group.asked.end(), ready))
    return;
  const auto before = group.order.size();
  for (auto i = group.sent_up_to; i < group.asked.size(); ++i) group.order.push_back(static_cast<std::uint32_t>(i));
  if (group.order.size() == before) return;
  const auto* const table = write_table(group, before);
  const bool sent =
      table != nullptr && group.runner->ask(table, static_cast<std::uint32_t>(before),
                                            static_cast<std::uint32_t>(group.order.size()), pages_of(group, before));
  if (sent)
    group.sent_up_to = group.asked.size();
  else
    group.order.resize(before);  // collect() finds out what the matter is
}

// Runs lie in the order in which they were asked about: the pages from the first of these to the end of what there is.
Runner::Pages Crew::pages_of(const Group& group, std::size_t from) const {
  return {reinterpret_cast<const std::byte*>(group.asked[group.order[from]].laid_out), runs_.end()};
}

const Question* Crew::write_table(const Group& group, std::size_t from) {
  auto* const table = static_cast<Question*>(tables_.allocate((group.order.size() - from) * sizeof(Question)));
  if (table == nullptr) return nullptr;
  for (auto i = from; i < group.order.size(); ++i) {
    const auto& asked = group.asked[group.order[i]];
    table[i - from] = {reinterpret_cast<std::uintptr_t>(asked.laid_out), asked.seat, group.order[i]};
  }
  return table;
}

void Crew::collect(Group& group) {
  while (group.sent) {
    milliseconds all{0};
    for (const auto index : group.order) all += seats_[group.asked[index].seat].options.timeout;
    const auto until = SteadyClock::now() + batch_limit(all);
    const auto timeouts = [&](std::uint32_t number) {
      return seats_[group.asked[group.order[number]].seat].options.timeout;
    };
    // The answers to one part are read while it is at the next.
    for (bool more = true; more;) {
      const auto finished = group.runner->finish_part(timeouts, until);
      if (!group.runner->alive() && stopping(group)) return;
      read_answers(group);
      more = finished && !*finished && group.runner->alive();
    }
    if (group.runner->alive() && group.read == 0)
      group.runner->give_up(Offence::violation, "answered nothing that it was asked");
    group.runner->tidy();
    if (group.runner->alive())
      group.quiet_ends = 0;
    else
      take_end(group);
    if (std::ranges::all_of(group.asked, [](const Asked& one) { return one.answered; })) {
      group.sent = false;
      break;
    }
    if (group.runner) check_memory(group);  // the rest is not to suffer for who was before
    send(group);
  }
  if (group.runner) check_memory(group);
  if (group.runner && all_off(group)) drop_runner(group);
}

void Crew::read_answers(Group& group) {
  const auto answered = group.runner->answered();  // before their bytes: of these all are there
  const auto bytes = group.runner->answers(group.read_bytes);
  Unpacker in(bytes);
  for (; group.read < answered; ++group.read) {
    if (read_answer(group, group.order[group.read], in)) continue;
    group.runner->give_up(Offence::violation, "wrote answers that make no sense");
    return;
  }
  group.read_bytes += bytes.size() - in.left();
}

// False when it cannot be what an honest runner wrote. What a plugin did wrong is an answer, too.
bool Crew::read_answer(Group& group, std::uint32_t index, Unpacker& in) {
  auto& asked = group.asked[index];
  const auto& seat = seats_[asked.seat];
  if (in.u32() != index) return false;
  const auto outcome = in.u32();
  if (outcome == 1 || outcome == 2) {
    asked.answer.failure = json::repair_utf8(in.text());
    if (!in.ok()) return false;
    asked.answered = true;
    asked.answer.tried = outcome == 1;
    asked.struck = outcome == 2;
    if (outcome == 2 && strike(seat, asked.run, Offence::violation, *asked.answer.failure)) drop_off(group, seat);
    return true;
  }
  const auto count = in.u32();
  if (outcome != 0 || !in.ok() || count > kMaxSignalsPerCall) return false;
  std::vector<Signal> signals;
  for (std::uint32_t i = 0; i < count; ++i) {
    Claim claim;
    claim.type = in.text();
    claim.severity = in.u32();
    claim.confidence = in.f64();
    claim.step_index = static_cast<std::int32_t>(in.u32());
    claim.evidence = in.text();
    if (!in.ok()) return false;
    auto signal = check_signal(*seat.entry.component, asked.run->current_step, std::move(claim), parser_);
    if (!signal) return false;  // its runner checks by the same rules
    signal->detector_version = seat.entry.library->version;
    signals.push_back(std::move(*signal));
  }
  asked.answer.signals = std::move(signals);
  asked.answer.tried = true;
  asked.answered = true;
  return true;
}

}  // namespace dunetrace::plugin
