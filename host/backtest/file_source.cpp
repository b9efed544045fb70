#include "backtest/file_source.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "ingest/admission.hpp"
#include "json/writer.hpp"

namespace dunetrace::backtest {
namespace {

constexpr std::size_t kPieceBytes = 512 * 1024;  // a few milliseconds of work for one thread
constexpr std::string_view kBlank = " \t\r\n";
// A body names an agent besides those of its events; ingest checks that it is there and nothing else.
constexpr std::string_view kBodyAgent = R"("agent_id":"-"})";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) + 1 - first);
}

std::string at_line(std::size_t line) { return "line " + std::to_string(line); }

// One run of a line of its own as a body of ingest. What is no object stays as it is and is refused as such.
std::string body_of_run(std::string_view line) {
  std::string body(line);
  if (!line.ends_with('}') || !line.starts_with('{')) return body;
  body.pop_back();
  const auto last = body.find_last_not_of(kBlank);
  if (last != 0) body += ',';
  body += kBodyAgent;
  return body;
}

// The first thing that is wrong, in the words of a 422 answer: "events.3.step_index: Input should be …".
std::string reason_of(const ingest::Refusal& refusal) {
  json::Parser parser;
  const auto root = parser.parse(refusal.body);
  if (!root) return "ingest would refuse it";
  json::Value first;
  (*root)["detail"].each_element([&](json::Value each) {
    if (first.missing()) first = each;
  });
  std::string place;
  bool is_body = true;
  first["loc"].each_element([&](json::Value part) {
    if (!std::exchange(is_body, false)) {
      if (!place.empty()) place += '.';
      place += part.string() ? std::string(*part.string()) : std::to_string(part.integer().value_or(0));
    }
  });
  if (const auto cause = first["ctx"]["error"].string()) return "is no JSON: " + std::string(*cause);
  const std::string text(first["msg"].string().value_or("ingest would refuse it"));
  return place.empty() ? text : place + ": " + text;
}

// A value with the members of its objects in one order, of repeated names the last one.
void write_ordered(json::Writer& out, const json::Value& value) {
  if (value.is_object()) {
    std::map<std::string_view, json::Value> members;
    value.each_member([&](std::string_view name, json::Value member) { members[name] = member; });
    out.begin_object();
    for (const auto& [name, member] : members) {
      out.key(name);
      write_ordered(out, member);
    }
    out.end_object();
  } else if (value.is_array()) {
    out.begin_array();
    value.each_element([&](json::Value element) { write_ordered(out, element); });
    out.end_array();
  } else {
    out.raw(json::to_text(value));
  }
}

std::string ordered(std::string_view payload) {
  thread_local json::Parser parser;
  json::Writer out;
  if (const auto value = parser.parse(payload)) write_ordered(out, *value);
  return out.take();
}

// The replay drops events that were sent twice and compares the text of their payloads. What the database keeps of a
// payload is in one order, what a client wrote need not be: events that are otherwise equal get one text for one value.
void unify_repeats(std::vector<Event>& events) {
  const auto key = [](const Event* event) { return std::tuple(event->step_index, event->timestamp, event->kind); };
  std::vector<Event*> sorted;
  sorted.reserve(events.size());
  for (auto& event : events) sorted.push_back(&event);
  const auto before = [&](const Event* a, const Event* b) { return key(a) < key(b); };
  if (!std::ranges::is_sorted(sorted, before)) std::ranges::stable_sort(sorted, before);
  for (auto first = sorted.begin(); first != sorted.end();) {
    const auto last = std::find_if(first, sorted.end(), [&](const Event* other) { return key(other) != key(*first); });
    if (last - first > 1) {
      std::map<std::string, std::string_view> texts;
      for (; first != last; ++first) {
        (*first)->payload = texts.emplace(ordered((*first)->payload), (*first)->payload).first->second;
      }
    }
    first = last;
  }
}

// The run of an admitted batch, or why it is none.
Result<RunEvents> run_of(AcceptedBatch batch) {
  RunEvents run;
  run.storage = std::move(batch.storage);
  run.run_id = batch.events.front().run_id;
  run.events.reserve(batch.events.size());
  double latest = 0;
  for (const auto& accepted : batch.events) {
    if (!std::isnan(accepted.timestamp)) latest = std::max(latest, accepted.timestamp);
  }
  for (const auto& accepted : batch.events) {
    if (accepted.run_id != run.run_id) {
      return fail(Code::invalid_argument, "holds events of more than one run; expected one run per line");
    }
    Event event;
    event.id = static_cast<std::int64_t>(run.events.size() + 1);
    event.kind = accepted.kind;
    event.step_index = accepted.step_index;
    event.timestamp = std::isnan(accepted.timestamp) ? latest : accepted.timestamp;
    event.type = wire_name(accepted.kind);
    event.agent_id = accepted.agent_id;
    event.agent_version = accepted.agent_version;
    event.payload = accepted.payload;
    event.parent_run_id = accepted.parent_run_id;
    run.events.push_back(event);
  }
  unify_repeats(run.events);
  return run;
}

Result<RunEvents> admit(std::string body, const FileRules& rules) {
  const ingest::AdmissionRules admission{std::numeric_limits<std::size_t>::max(), rules.rehash_legacy_fields};
  // There is no time of receipt; NaN marks the events that ask for it, for no event can bring it itself.
  auto admitted = ingest::admit(std::move(body), admission, std::numeric_limits<double>::quiet_NaN());
  if (!admitted) return fail(Code::invalid_argument, reason_of(admitted.error()));
  return run_of(std::move(admitted->batch));
}

}  // namespace

Result<RunEvents> read_run(std::string_view text, const FileRules& rules) {
  text = trimmed(text);
  if (!text.starts_with('[')) return admit(body_of_run(text), rules);
  return admit(R"({"events":)" + std::string(text) + ',' + std::string(kBodyAgent), rules);
}

Result<FileSource> FileSource::open(const std::filesystem::path& path, const FileRules& rules) {
  DUNE_TRY(file, LineFile::open(path));
  return FileSource(std::move(file), rules);
}

void FileSource::end_group(Work& work) {
  if (group_.run_id.empty()) return;
  if (group_.too_large) {
    work.skipped.push_back({at_line(group_.piece.line), "the run is larger than 64 MiB"});
  } else {
    group_.piece.body += "],";
    group_.piece.body += kBodyAgent;
    work.pieces.push_back(std::move(group_.piece));
  }
  group_ = Group();
}

void FileSource::take_event(std::string_view line, Work& work) {
  const auto event = parser_.parse(line);
  if (!event) return work.skipped.push_back({at_line(file_.number()), "is no JSON: " + event.error().text});
  const auto run_id = (*event)["run_id"].string();
  if (!run_id || run_id->empty() || (*event)["event_type"].missing()) {
    return work.skipped.push_back({at_line(file_.number()), "is no event with event_type and run_id"});
  }
  if (group_.run_id != *run_id) {
    end_group(work);
    group_.run_id = *run_id;
    group_.piece = {file_.number(), R"({"events":[)"};
  } else if (!group_.too_large) {
    group_.piece.body += ',';
  }
  group_.too_large = group_.too_large || group_.piece.body.size() + line.size() > kLongestLine;
  if (group_.too_large) {
    group_.piece.body = std::string();
  } else {
    group_.piece.body += line;
  }
}

void FileSource::take_line(std::string_view line, Work& work) {
  if (form_ == Form::unknown) {
    // A first line that is damaged says nothing; the next one will.
    const auto root = parser_.parse(line);
    if (!root) return work.skipped.push_back({at_line(file_.number()), "is no JSON: " + root.error().text});
    if (!(*root)["events"].missing()) form_ = Form::runs;
    if ((*root)["events"].missing() && !(*root)["event_type"].missing()) form_ = Form::events;
    if (form_ == Form::unknown) {
      return work.skipped.push_back(
          {at_line(file_.number()), "is neither a run (with events) nor an event (with event_type)"});
    }
  }
  if (form_ == Form::events) return take_event(line, work);
  work.pieces.push_back({file_.number(), body_of_run(line)});
}

Result<Load> FileSource::next() {
  auto work = std::make_shared<Work>();
  while (!ended_ && work->bytes < kPieceBytes) {
    std::string_view line;
    DUNE_TRY(got, file_.next(line));
    ended_ = got == LineFile::Next::end;
    if (ended_) break;
    work->bytes += line.size() + 1;
    if (got == LineFile::Next::too_long) {
      work->skipped.push_back({at_line(file_.number()), "is longer than 64 MiB"});
    } else if (line = trimmed(line); !line.empty()) {
      take_line(line, *work);
    }
  }
  if (ended_) end_group(*work);
  if (ended_ && work->pieces.empty() && work->skipped.empty()) return Load();
  // Shared, because a std::function must be copyable.
  return Load([work, rules = rules_]() -> Result<Recorded> { return load(*work, rules); });
}

Recorded FileSource::load(const Work& work, const FileRules& rules) {
  Recorded out;
  out.skipped = work.skipped;
  out.runs.reserve(work.pieces.size());
  for (const auto& piece : work.pieces) {
    auto run = admit(piece.body, rules);
    if (!run) {
      out.skipped.push_back({at_line(piece.line), run.error().text});
      continue;
    }
    out.runs.push_back({std::move(*run), {}, at_line(piece.line)});
  }
  return out;
}

}  // namespace dunetrace::backtest
