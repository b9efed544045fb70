// From no runner to one that can be asked: started, everything loaded, then closed, and the detectors created.
#include "plugin/isolation/crew.hpp"

#include <algorithm>
#include <utility>

#include "plugin/isolation/packing.hpp"

namespace dunetrace::plugin {
namespace {

// Holds the largest answer there can be: eight signals with evidence of a megabyte each.
constexpr std::size_t kAnswerBytes = 12 * 1024 * 1024;

}  // namespace

// A runner with everything loaded and created that is asked. False when something changed and the caller looks again.
bool Crew::prepare(Group& group) {
  if (!group.runner) return start(group) && load_all(group) && create_all(group);
  return create_all(group);
}

bool Crew::start(Group& group) {
  for (const auto& [library, why] : group.unloadable) fail_library(group, *library, why);
  for (const auto& [library, why] : group.skipped) fail_library(group, *library, why);
  for (const auto& [seat, why] : group.uncreated) fail_seat(group, seat, why);
  if (std::ranges::all_of(group.asked, [](const Asked& one) { return one.answered; })) return false;
  auto started = Runner::start(options_, &region_, kAnswerBytes);
  if (!started) {
    log_.error("plugin.runner_failed", {{"reason", started.error().text}});
    fail_all(group, started.error().text);
    return false;
  }
  group.runner = std::move(*started);
  group.runner->speak_for([&group](std::string_view id) {
    return std::ranges::any_of(group.libraries, [&](const Library* library) {
      return std::ranges::any_of(library->components, [&](const Component& one) { return one.schema.id == id; });
    });
  });
  return true;
}

bool Crew::load_all(Group& group) {
  std::uint32_t number = 0;
  std::vector<std::filesystem::path> files;
  for (const auto* const library : group.libraries) files.push_back(library->file);
  for (const auto* const library : group.libraries) {
    if (group.skipped.contains(library) || group.unloadable.contains(library)) continue;
    const auto* const pending = pending_of(group, *library);
    if (const auto loaded = group.runner->load(library->file, files); loaded) {
      group.loaded[library] = number++;
    } else if (group.runner->alive()) {
      group.unloadable[library] = loaded.error().text;
      log_.error("plugin.not_loaded", {{"file", library->path}, {"reason", loaded.error().text}});
      fail_library(group, *library, loaded.error().text);
    } else {
      const auto end = group.runner->end();
      group.skipped.emplace(library, end.text);
      if (pending != nullptr) strike(seats_[pending->seat], nullptr, end.offence, end.text);
      fail_library(group, *library, end.text);
      drop_runner(group);
      return false;
    }
  }
  if (const auto closed = group.runner->close(); !closed) {
    // Nobody's call was under way: a thread of some library, or the machine.
    if (!group.libraries.front()->first_party && !group.asked.empty())
      strike(seats_[group.asked.front().seat], nullptr, group.runner->end().offence, closed.error().text);
    fail_all(group, closed.error().text);
    drop_runner(group);
    return false;
  }
  if (!group.runner->missing().empty() && !std::exchange(told_missing_, true))
    log_.warn("plugin.sandbox_incomplete", {{"missing", group.runner->missing()}});
  return true;
}

bool Crew::create_all(Group& group) {
  for (const auto& asked : group.asked) {
    if (asked.answered || group.created.contains(asked.seat)) continue;
    if (!create(group, asked.seat)) return false;
  }
  return true;
}

// False when the runner ended meanwhile.
bool Crew::create(Group& group, std::uint32_t number) {
  auto& seat = seats_[number];
  const auto& id = seat.entry.component->schema.id;
  if (seat.broken) {
    fail_seat(group, number, *seat.broken);
    return true;
  }
  if (const auto ended = group.uncreated.find(number); ended != group.uncreated.end()) {
    fail_seat(group, number, ended->second);
    return true;
  }
  const auto loaded = group.loaded.find(seat.entry.library);
  if (loaded == group.loaded.end()) {  // nor will it be in this runner
    const auto why = group.skipped.contains(seat.entry.library) ? group.skipped.at(seat.entry.library)
                                                                : group.unloadable.at(seat.entry.library);
    fail_seat(group, number, why);
    return true;
  }
  Packer question;
  question.u32(number).u32(loaded->second).text(id).text(seat.options.category).i64(seat.options.timeout.count());
  question.values(seat.options.values);
  const auto made = group.runner->call(Message::create, question.bytes(), options_.setup_limit);
  if (made) {
    group.created.insert(number);
    return true;
  }
  if (group.runner->alive()) {
    seat.broken = made.error().text;
    if (made.error().code == Code::internal) strike(seat, nullptr, Offence::violation, made.error().text);  // it threw
    log_.error("detector.create_failed", {{"detector", id}, {"reason", made.error().text}});
    fail_seat(group, number, made.error().text);
    return true;
  }
  const auto end = group.runner->end();
  drop_runner(group);
  group.uncreated.emplace(number, end.text);
  strike(seat, nullptr, end.offence, end.text);
  fail_seat(group, number, end.text);
  return false;
}

const Crew::Asked* Crew::pending_of(const Group& group, const Library& library) const {
  const auto found = std::ranges::find_if(
      group.asked, [&](const Asked& one) { return !one.answered && seats_[one.seat].entry.library == &library; });
  return found == group.asked.end() ? nullptr : &*found;
}

}  // namespace dunetrace::plugin
