// How runners end, whose fault that was, and what becomes of the questions that have no answer then.
#include "plugin/isolation/crew.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace dunetrace::plugin {
namespace {

// Runners that nobody's call ended, in a row: the first is replaced at once, the others after a while, and then it is
// the machine that has no room for them.
constexpr int kMostQuietEnds = 5;
constexpr std::chrono::milliseconds kBackOff{20};  // doubled each time

}  // namespace

// The runner is gone. Whose call was under way did it; between calls that is the library, when it is alone.
void Crew::take_end(Group& group) {
  const auto end = group.runner->end();
  const bool alone = !group.libraries.front()->first_party;
  const auto culprit = std::ranges::find_if(group.order, [&](std::uint32_t i) { return !group.asked[i].answered; });
  const bool inside = end.in_call && culprit != group.order.end();
  auto& asked = group.asked[culprit == group.order.end() ? group.order.back() : *culprit];
  const auto& seat = seats_[asked.seat];
  drop_runner(group);
  log_.warn("plugin.runner_ended", {{"component", inside || alone ? seat.entry.component->schema.id : std::string()},
                                    {"run", inside ? asked.run->source.run_id : std::string()},
                                    {"reason", end.text}});
  // The memory of the machine was short, or an operator did it: neither says anything about one of several plugins.
  const bool blamed = alone || (inside && !end.killed_outside);
  // Asked again when it had not begun, but for one that does harm between its calls: it would do so for ever.
  if (inside || (alone && !end.killed_outside)) {
    asked.answered = true;
    if (!asked.answer.failure) asked.answer.failure = end.text;
  }
  if (blamed && strike(seat, inside ? asked.run : nullptr, end.offence, end.text)) drop_off(group, seat);
  if (!inside) rest(group, end.text);
}

// Ended when nobody asked it anything. Nobody can tell what that was about, but for a library that is alone with
// itself.
void Crew::take_idle_end(Group& group) {
  const auto end = group.runner->end();
  drop_runner(group);
  const auto& library = *group.libraries.front();
  log_.warn("plugin.runner_ended", {{"library", library.id}, {"reason", end.text}});
  if (library.first_party || end.killed_outside) return;
  const auto seat = std::ranges::find(seats_, &library, [](const Seat& one) { return one.entry.library; });
  if (seat != seats_.end()) strike(*seat, nullptr, end.offence, end.text);
}

// After an end that was nobody's call.
void Crew::rest(Group& group, const std::string& why) {
  if (++group.quiet_ends > kMostQuietEnds) {
    log_.error("plugin.runner_does_not_stay", {{"ends", group.quiet_ends}, {"reason", why}});
    group.quiet_ends = 0;
    return fail_all(group, why);
  }
  if (group.quiet_ends > 1) std::this_thread::sleep_for(kBackOff * (1 << (group.quiet_ends - 2)));
}

// What a plugin does not give back stays with its runner, so the runner goes.
void Crew::check_memory(Group& group) {
  const auto held = group.runner->resident_bytes(options_.resident_bytes);
  if (held <= options_.resident_bytes) return;
  constexpr std::size_t kMiB = 1024 * 1024;
  const auto text =
      fmt::format("held {} MiB of memory after a batch, {} are allowed", held / kMiB, options_.resident_bytes / kMiB);
  drop_runner(group);
  log_.warn("plugin.runner_too_large", {{"library", group.libraries.front()->id}, {"reason", text}});
  // Who failed for want of memory, or was struck for what it took, is the first to have done so by itself.
  const auto failed = std::ranges::find_if(
      group.asked, [](const Asked& one) { return one.answer.failure && (one.answer.tried || one.struck); });
  const auto latest =
      std::find_if(group.asked.rbegin(), group.asked.rend(), [](const Asked& one) { return one.answered; });
  // Among the host's own libraries nobody knows who took it, unless somebody failed for it.
  if (failed == group.asked.end() && group.libraries.front()->first_party) return;
  if (failed != group.asked.end()) {
    if (!failed->struck) strike(seats_[failed->seat], failed->run, Offence::violation, text);
  } else if (latest != group.asked.rend()) {
    strike(seats_[latest->seat], latest->run, Offence::violation, text);
  } else {  // it grew without being asked anything
    const auto of_group = [&](const Seat& one) { return one.entry.library == group.libraries.front(); };
    if (const auto seat = std::ranges::find_if(seats_, of_group); seat != seats_.end())
      strike(*seat, nullptr, Offence::violation, text);
  }
}

bool Crew::strike(const Seat& seat, const Run* run, Offence offence, const std::string& text) {
  const auto& library = *seat.entry.library;
  if (options_.stop.stop_requested()) return false;  // it may be the host's doing
  // A batch may hold many answers of one that is off since the first of them: they say nothing more.
  if (conduct_.off(seat.entry.component->schema.id, library.sha256)) return true;
  return conduct_.strike({.component = seat.entry.component->schema.id,
                          .library = library.id,
                          .version = library.version,
                          .sha256 = library.sha256,
                          .offence = offence,
                          .customer_id = run == nullptr ? std::string() : run->source.customer_id,
                          .run_id = run == nullptr ? std::string() : run->source.run_id,
                          .text = text});
}

// The component is off from now on: it is not asked the rest.
void Crew::drop_off(Group& group, const Seat& seat) {
  const auto& id = seat.entry.component->schema.id;
  const auto why = conduct_.off(id, seat.entry.library->sha256).value_or("quarantined");
  for (std::uint32_t i = 0; i < seats_.size(); ++i)
    if (seats_[i].entry.component == seat.entry.component) fail_seat(group, i, why);
}

void Crew::fail_seat(Group& group, std::uint32_t seat, const std::string& why) {
  for (auto& asked : group.asked) {
    if (asked.answered || asked.seat != seat) continue;
    asked.answered = true;
    asked.answer.failure = why;
  }
}

void Crew::fail_library(Group& group, const Library& library, const std::string& why) {
  for (std::uint32_t i = 0; i < seats_.size(); ++i)
    if (seats_[i].entry.library == &library) fail_seat(group, i, why);
}

void Crew::fail_all(Group& group, const std::string& why) {
  for (const auto* const library : group.libraries) fail_library(group, *library, why);
}

}  // namespace dunetrace::plugin
