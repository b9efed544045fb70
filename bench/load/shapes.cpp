#include "load/shapes.hpp"

#include <charconv>
#include <random>

#include "backtest/line_file.hpp"
#include "core/ids.hpp"
#include "json/reader.hpp"
#include "json/writer.hpp"

namespace dunetrace::load {
namespace {

constexpr std::size_t kUuidLength = 36;
constexpr std::string_view kCustomer = "load-copy";
constexpr std::size_t kMostEvents = 200'000;  // texts in memory, some 600 bytes each; more makes nothing more real
constexpr char kHex[] = "0123456789abcdef";

// One to one, so laps never meet, and scattered, as fresh ids are: the index sees no order in them.
std::uint32_t scattered(std::uint32_t n) {
  n ^= n >> 16;
  n *= 0x85ebca6bu;
  n ^= n >> 13;
  n *= 0xc2b2ae35u;
  return n ^ (n >> 16);
}

struct Event {
  std::string type, run, agent, version, payload;
  std::int64_t step = 0;
  double time = 0;
};

// In the text format of COPY.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '\t' || c == '\n' || c == '\r') out += '\\';
    out += c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c;
  }
  return out;
}

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// Collects events and cuts them; the last, smaller batch is left out.
class Cutter {
 public:
  explicit Cutter(std::size_t batch_events) : batch_events_(batch_events) {}

  [[nodiscard]] bool enough() const { return events_ >= kMostEvents; }
  void add(const Event& event) {
    if (open_.empty()) batch_id_ = new_uuid();
    open_.push_back(event);
    if (open_.size() == batch_events_) cut();
  }
  std::vector<Batch> take() { return std::move(batches_); }

 private:
  void cut() {
    Batch batch;
    batch.events = open_.size();
    batch.body.append(R"({"api_key":"dt_dev_load","agent_id":)" + quoted(open_.front().agent) + R"(,"events":[)");
    for (std::size_t i = 0; i < open_.size(); ++i) {
      if (i > 0) batch.body.append(",");
      append_json(open_[i], batch.body);
      append_row(open_[i], batch.rows);
    }
    batch.body.append("]}");
    events_ += open_.size();
    open_.clear();
    batches_.push_back(std::move(batch));
  }

  static std::string quoted(std::string_view text) {
    std::string out;
    json::append_string(out, text);
    return out;
  }

  static void append_json(const Event& event, LapText& out) {
    out.append(R"({"event_type":)" + quoted(event.type) + R"(,"run_id":")");
    out.append_id(event.run);
    out.append(R"(","agent_id":)" + quoted(event.agent) + R"(,"agent_version":)" + quoted(event.version) +
               R"(,"step_index":)" + std::to_string(event.step) + R"(,"timestamp":)" + number_text(event.time) +
               R"(,"payload":)" + event.payload + R"(,"parent_run_id":null})");
  }

  void append_row(const Event& event, LapText& out) const {
    out.append(std::string(kCustomer) + "\t");
    out.append_id(batch_id_);
    out.append("\t" + event.type + "\t");
    out.append_id(event.run);
    out.append("\t" + escaped(event.agent) + "\t" + escaped(event.version) + "\t" + std::to_string(event.step) + "\t" +
               number_text(event.time) + "\t" + escaped(event.payload) + "\t\\N\n");
  }

  const std::size_t batch_events_;
  std::string batch_id_;
  std::vector<Event> open_;
  std::vector<Batch> batches_;
  std::size_t events_ = 0;
};

std::string text_of(const json::Value& value) { return std::string(value.string().value_or("")); }

Result<> add_file(const std::filesystem::path& path, Cutter& cutter) {
  DUNE_TRY(file, backtest::LineFile::open(path));
  json::Parser parser;
  while (!cutter.enough()) {
    std::string_view line;
    DUNE_TRY(next, file.next(line));
    if (next == backtest::LineFile::Next::end) return {};
    const auto root = parser.parse(line);
    if (next != backtest::LineFile::Next::line || !root) {
      return fail(Code::invalid_argument, path.string() + ":" + std::to_string(file.number()) + ": a run is expected");
    }
    const auto payloads = json::raw_members(line, "events", "payload");
    const auto run = new_uuid();
    (*root)["events"].each_element([&, i = std::size_t{0}](const json::Value& event) mutable {
      const auto payload = i < payloads.size() && !payloads[i].empty() ? payloads[i] : std::string_view("{}");
      cutter.add({text_of(event["event_type"]), run, text_of(event["agent_id"]), text_of(event["agent_version"]),
                  std::string(payload), event["step_index"].integer().value_or(0),
                  event["timestamp"].number().value_or(0)});
      ++i;
    });
  }
  return {};
}

// A run with as many pairs of model and tool calls as real ones have.
void add_made_up_run(std::mt19937_64& random, Cutter& cutter) {
  const auto digits = [&random] {
    std::string out;
    for (int i = 0; i < 16; ++i) out += kHex[random() % 16];
    return out;
  };
  Event event{
      "run.started", new_uuid(), "load-agent-" + std::to_string(random() % 20), digits().substr(0, 8), "", 0, 0};
  event.time = 1'767'225'600.0 + static_cast<double>(random() % 86'400'000) / 1000;
  const auto add = [&](const char* type, std::string payload, double seconds) {
    event.type = type;
    event.payload = std::move(payload);
    cutter.add(event);
    event.time += seconds;
  };
  add("run.started", R"({"input_hash":")" + digits() + R"(","model":"load-model","tools":["search","fetch"]})", 0.01);
  const auto turns = 2 + random() % 7;
  for (std::uint64_t turn = 0; turn < turns; ++turn) {
    ++event.step;
    add("llm.called", R"({"model":"load-model","prompt_tokens":)" + std::to_string(random() % 4000) + "}", 0.9);
    add("llm.responded",
        R"({"completion_tokens":)" + std::to_string(random() % 400) +
            R"(,"latency_ms":900,"finish_reason":"tool_calls","output_length":71,"output_hash":")" + digits() + R"("})",
        0.01);
    ++event.step;
    add("tool.called", R"({"tool_name":"search","args_hash":")" + digits() + R"("})", 0.4);
    add("tool.responded", R"({"tool_name":"search","success":true,"output_length":812,"latency_ms":400})", 0.01);
  }
  add("run.completed", R"({"exit_reason":"final_answer","total_steps":)" + std::to_string(event.step) + "}", 0);
}

}  // namespace

void LapText::append_id(std::string_view uuid) {
  DUNE_CHECK(uuid.size() == kUuidLength, "ids of the load are UUIDs");
  std::uint32_t digits = 0;
  std::from_chars(uuid.data(), uuid.data() + 8, digits, 16);
  places_.push_back({static_cast<std::uint32_t>(text_.size()), digits});
  text_ += uuid;
}

std::string_view LapText::of_lap(std::uint32_t lap) {
  const auto change = scattered(lap);
  for (const auto& place : places_) {
    auto digits = place.digits ^ change;
    for (std::size_t i = 8; i-- > 0; digits >>= 4) text_[place.at + i] = kHex[digits & 15u];
  }
  return text_;
}

Result<std::vector<Batch>> make_batches(const std::vector<std::filesystem::path>& files, std::size_t batch_events) {
  Cutter cutter(batch_events);
  for (const auto& file : files) DUNE_TRY_VOID(add_file(file, cutter));
  std::mt19937_64 random(1);
  constexpr int kMadeUpRuns = 4000;
  for (int i = 0; files.empty() && i < kMadeUpRuns; ++i) add_made_up_run(random, cutter);
  auto batches = cutter.take();
  if (batches.empty()) return fail(Code::invalid_argument, "the files hold fewer events than one batch");
  return batches;
}

}  // namespace dunetrace::load
