#include "cases/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "config/names.hpp"

namespace dunetrace::cases {
namespace {

enum class Kind : std::uint8_t {
  text,       // a scalar
  flag,       // true or false
  count,      // a whole number, at least 0
  positive,   // a whole number, at least 1
  whole,      // any whole number
  number,     // any number
  share,      // a number from 0 to 1
  mapping,    // also nothing
  texts,      // a list of texts
  fragments,  // field: text or list of texts
  severity,
  numbering,
  anything,
};

struct Key {
  std::string_view name;
  Kind kind;
};

constexpr int kMostTimes = 100'000;  // of one entry; a run is cut at 20,000 events anyway

constexpr std::array kCommon{Key{"step", Kind::count}, Key{"times", Kind::positive}, Key{"after_ms", Kind::whole}};
constexpr std::array kStart{Key{"start", Kind::mapping}};
constexpr std::array kTool{Key{"tool", Kind::text},       Key{"args", Kind::text},       Key{"unanswered", Kind::flag},
                           Key{"during_ms", Kind::count}, Key{"ok", Kind::flag},         Key{"error", Kind::text},
                           Key{"out", Kind::count},       Key{"latency_ms", Kind::count}};
constexpr std::array kLlm{Key{"llm", Kind::text},         Key{"prompt", Kind::count},    Key{"unanswered", Kind::flag},
                          Key{"during_ms", Kind::count},  Key{"finish", Kind::text},     Key{"out", Kind::count},
                          Key{"completion", Kind::count}, Key{"latency_ms", Kind::count}};
constexpr std::array kRetrieval{Key{"retrieval", Kind::text}, Key{"results", Kind::count}, Key{"score", Kind::number}};
constexpr std::array kSignal{Key{"signal", Kind::text}, Key{"source", Kind::text}, Key{"meta", Kind::mapping}};
constexpr std::array kCompleted{Key{"completed", Kind::text}};
constexpr std::array kErrored{Key{"errored", Kind::mapping}};
constexpr std::array kEvent{Key{"event", Kind::text}, Key{"payload", Kind::mapping}};

// What an entry of a run can be: its first key names it.
constexpr std::array<std::span<const Key>, 8> kEntries{kStart,  kTool,      kLlm,     kRetrieval,
                                                       kSignal, kCompleted, kErrored, kEvent};

constexpr std::array kFile{Key{"detector", Kind::text}, Key{"cases", Kind::anything}};
constexpr std::array kCase{Key{"name", Kind::text},         Key{"params", Kind::mapping},
                           Key{"baselines", Kind::mapping}, Key{"numbering", Kind::numbering},
                           Key{"run", Kind::anything},      Key{"expect", Kind::anything},
                           Key{"refused", Kind::text}};
constexpr std::array kBaselines{Key{"steps", Kind::number}, Key{"tool_latency_ms", Kind::number},
                                Key{"llm_latency_ms", Kind::number}, Key{"token_growth", Kind::number},
                                Key{"llm_tool_ratio", Kind::number}};
constexpr std::array kExpect{Key{"type", Kind::text},        Key{"severity", Kind::severity},
                             Key{"confidence", Kind::share}, Key{"step", Kind::count},
                             Key{"co_signals", Kind::count}, Key{"evidence", Kind::mapping},
                             Key{"without", Kind::texts},    Key{"text", Kind::fragments}};
constexpr std::array kRecorded{Key{"file", Kind::text}};

const std::vector<std::string> kSeverities{"LOW", "MEDIUM", "HIGH", "CRITICAL"};
const std::vector<std::string> kNumberings{"sdk", "manual"};
const std::vector<std::string> kFields{"title", "what", "why_it_matters", "evidence_summary"};

std::string_view wanted(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "a text";
    case Kind::flag:
      return "true or false";
    case Kind::count:
      return "a whole number, at least 0";
    case Kind::positive:
      return "a whole number from 1 to 100000";
    case Kind::whole:
      return "a whole number";
    case Kind::number:
      return "a number";
    case Kind::share:
      return "a number from 0 to 1";
    case Kind::mapping:
      return "a mapping such as {key: value}";
    case Kind::texts:
      return "a list of texts";
    case Kind::fragments:
      return "a mapping of title, what, why_it_matters or evidence_summary to texts";
    case Kind::severity:
      return "LOW, MEDIUM, HIGH or CRITICAL";
    case Kind::numbering:
      return "sdk or manual";
    case Kind::anything:
      return "a value";
  }
  return "a value";
}

std::string got(const YAML::Node& node) {
  if (node.IsNull()) return "nothing";
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  return "'" + config::shown(node.Scalar()) + "'";
}

bool whole(const YAML::Node& node, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  return node.IsScalar() && node.Tag() != "!" && YAML::convert<std::int64_t>::decode(node, value) && value >= least &&
         value <= most;
}

bool number(const YAML::Node& node, double least, double most) {
  double value = 0;
  return node.IsScalar() && node.Tag() != "!" && YAML::convert<double>::decode(node, value) && value >= least &&
         value <= most;
}

bool texts(const YAML::Node& node) {
  return node.IsSequence() && std::all_of(node.begin(), node.end(), [](const auto& one) { return one.IsScalar(); });
}

bool is(const YAML::Node& node, Kind kind) {
  constexpr auto kInt = std::numeric_limits<std::int32_t>::max();
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  const auto one_of = [&](const std::vector<std::string>& names) {
    return node.IsScalar() && std::ranges::find(names, node.Scalar()) != names.end();
  };
  switch (kind) {
    case Kind::text:
      return node.IsScalar();
    case Kind::flag:
      return node.IsScalar() && node.Tag() != "!" && (node.Scalar() == "true" || node.Scalar() == "false");
    case Kind::count:
      return whole(node, 0, kInt);
    case Kind::positive:
      return whole(node, 1, kMostTimes);
    case Kind::whole:
      return whole(node, -std::int64_t{kInt}, kInt);
    case Kind::number:
      return number(node, -kInfinity, kInfinity);
    case Kind::share:
      return number(node, 0, 1);
    case Kind::mapping:
    case Kind::fragments:
      return node.IsMap();
    case Kind::texts:
      return texts(node);
    case Kind::severity:
      return one_of(kSeverities);
    case Kind::numbering:
      return one_of(kNumberings);
    case Kind::anything:
      return true;
  }
  return false;
}

class Checker {
 public:
  explicit Checker(const std::string& path) : path_(path) {}

  Result<> check(const YAML::Node& root) {
    if (!members(root, kFile, "the file")) return problems_.as_error();
    if (!root["detector"] || root["detector"].IsNull()) {
      wrong(root, "detector is missing; expected the id of the detector that the cases are for");
    }
    const auto& cases = root["cases"];
    if (!cases || !cases.IsSequence() || cases.size() == 0) {
      wrong(cases ? cases : root, "cases: expected a list of cases, got " + (cases ? got(cases) : "nothing"));
    } else {
      for (const auto& one : cases) check_case(one);
    }
    if (!problems_.empty()) return problems_.as_error();
    return {};
  }

 private:
  void wrong(const YAML::Node& at, const std::string& what) {
    const auto mark = at.Mark();
    problems_.add(fmt::format("{}:{}:{}: {}", path_, mark.line + 1, mark.column + 1, what));
  }

  // False when it is no mapping. `more` are keys besides.
  bool members(const YAML::Node& node, std::span<const Key> keys, std::string_view what,
               std::span<const Key> more = {}) {
    if (!node.IsMap()) {
      wrong(node, fmt::format("{}: expected a mapping, got {}", what, got(node)));
      return false;
    }
    std::vector<Key> all(keys.begin(), keys.end());
    all.insert(all.end(), more.begin(), more.end());
    std::vector<std::string> names;
    for (const auto& key : all) names.emplace_back(key.name);
    std::vector<std::string> seen;
    for (const auto& member : node) {
      const auto name = member.first.IsScalar() ? member.first.Scalar() : std::string("?");
      if (std::ranges::find(seen, name) != seen.end())
        wrong(member.first, "'" + config::shown(name) + "' is there twice");
      seen.push_back(name);
      const auto key = std::ranges::find(all, name, &Key::name);
      if (key == all.end()) {
        wrong(member.first, fmt::format("unknown key '{}' in {}{}; expected {}", config::shown(name), what,
                                        config::did_you_mean(name, names), config::joined(names)));
      } else if (!member.second.IsNull()) {
        value(member.second, *key);
      }
    }
    return true;
  }

  void value(const YAML::Node& node, const Key& key) {
    if (!is(node, key.kind)) {
      const auto near = key.kind == Kind::severity && node.IsScalar() ? config::did_you_mean(node.Scalar(), kSeverities)
                                                                      : std::string();
      return wrong(node, fmt::format("{}: expected {}, got {}{}", key.name, wanted(key.kind), got(node), near));
    }
    if (key.kind != Kind::fragments) return;
    for (const auto& field : node) {
      const auto& name = field.first.Scalar();
      if (std::ranges::find(kFields, name) == kFields.end()) {
        wrong(field.first, fmt::format("{}: there is no field '{}'{}; expected {}", key.name, config::shown(name),
                                       config::did_you_mean(name, kFields), config::joined(kFields)));
      }
      if (!field.second.IsScalar() && !texts(field.second)) {
        wrong(field.second, fmt::format("{}: expected a text or a list of texts, got {}", name, got(field.second)));
      }
    }
  }

  void check_case(const YAML::Node& node) {
    if (!members(node, kCase, "a case")) return;
    if (!node["name"] || node["name"].IsNull()) wrong(node, "a case needs a name");
    if (node["baselines"] && node["baselines"].IsMap()) members(node["baselines"], kBaselines, "baselines");
    const auto run = node["run"], expect = node["expect"];
    const bool has_run = run && !run.IsNull(), has_expect = expect && !expect.IsNull();
    if (!node["refused"] && (!has_run || !has_expect)) {
      wrong(node, "a case needs run and expect (or refused); expect: [] for no signal");
    }
    if (has_run && run.IsMap()) {
      if (members(run, kRecorded, "run") && !run["file"])
        wrong(run, "run: expected a list of entries, or {file: run.json}");
    } else if (has_run && run.IsSequence()) {
      for (const auto& entry : run) check_entry(entry);
    } else if (has_run) {
      wrong(run, "run: expected a list of entries, or {file: run.json}, got " + got(run));
    }
    if (has_expect && !expect.IsSequence()) wrong(expect, "expect: expected a list of signals, got " + got(expect));
    if (!has_expect || !expect.IsSequence()) return;
    for (const auto& one : expect) members(one, kExpect, "expect");
  }

  void check_entry(const YAML::Node& node) {
    if (!node.IsMap()) return wrong(node, "run: expected a mapping such as {tool: search}, got " + got(node));
    const std::span<const Key>* kind = nullptr;
    std::vector<std::string> names;
    for (const auto& keys : kEntries) {
      names.emplace_back(keys.front().name);
      if (!node[std::string(keys.front().name)]) continue;
      if (kind != nullptr) {
        return wrong(
            node, fmt::format("an entry of a run is one thing, not {} and {}", kind->front().name, keys.front().name));
      }
      kind = &keys;
    }
    if (kind == nullptr) {
      std::string near;
      for (const auto& member : node)
        if (near.empty()) near = config::did_you_mean(member.first.Scalar(), names);
      return wrong(node, fmt::format("an entry of a run is one of {}{}", config::joined(names), near));
    }
    members(node, *kind, fmt::format("an entry with {}", kind->front().name), kCommon);
  }

  const std::string& path_;
  config::Problems problems_;
};

}  // namespace

Result<> check_cases(const YAML::Node& root, const std::string& path) { return Checker(path).check(root); }

}  // namespace dunetrace::cases
