#include "fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <pqxx/pqxx>

#include "plugin/descriptor.hpp"
#include "store/keys.hpp"

namespace dunetrace::api {

namespace {

plugin::Component demo_component() {
  plugin::Template text;
  text.signal_type = "DEMO_TYPE";
  text.title = "Demo of {tool}";
  text.what = "What happened.";
  text.why_it_matters = "Why it matters.";
  text.evidence_summary = "The evidence.";
  text.fixes = {{"Do this", "python", "pass"}};
  plugin::Component component;
  component.schema.id = "demo";
  component.schema.signal_types = {"DEMO_TYPE"};
  component.templates = {text};
  return component;
}

// Connected to the port, ended with the object.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      ADD_FAILURE() << "no connection";
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string exchange(const std::string& request) const {
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return {};
    std::string received;
    std::array<char, 65536> block{};
    for (ssize_t n = 0; (n = recv(fd_, block.data(), block.size(), 0)) > 0;) {
      received.append(block.data(), static_cast<std::size_t>(n));
    }
    return received;
  }

 private:
  int fd_;
};

Answer parsed(const std::string& text) {
  Answer answer;
  const auto end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || end == std::string::npos) {
    ADD_FAILURE() << "no answer: " << text;
    return answer;
  }
  answer.status = std::stoi(text.substr(9, 3));
  for (auto at = text.find("\r\n") + 2; at < end;) {
    const auto stop = text.find("\r\n", at);
    const auto colon = text.find(": ", at);
    std::string name = text.substr(at, colon - at);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers[name] = text.substr(colon + 2, stop - colon - 2);
    at = stop + 2;
  }
  answer.body = text.substr(end + 4);
  return answer;
}

void execute(const std::string& url, const std::function<void(pqxx::work&)>& statements) {
  pqxx::connection connection(url);
  pqxx::work tx(connection);
  statements(tx);
  tx.commit();
}

}  // namespace

ApiTest::ApiTest() {
  auto words = std::make_shared<Vocabulary>();
  words->explainer.add(demo_component());
  words->failure_types = {"DEMO_TYPE", "OTHER_TYPE"};
  set_vocabulary(std::move(words));
}

ApiTest::~ApiTest() = default;

void ApiTest::serve(bool prod, Options options) {
  options.dev_auth = !prod;
  auto role = Role::open(options, db_, live_, vocabulary(), database_.log().logger(), database_.metrics(), clock_);
  ASSERT_TRUE(role) << role.error().text;
  role_ = std::move(*role);
}

Answer ApiTest::ask(std::string_view method, std::string_view path,
                    const std::vector<std::string>& header_lines) const {
  std::string request =
      std::string(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
  for (const auto& line : header_lines) request.append(line).append("\r\n");
  return parsed(Connection(role_->port()).exchange(request + "\r\n"));
}

Answer ApiTest::get_as(std::string_view key, std::string_view path) const {
  return ask("GET", path, {std::string("Authorization: Bearer ").append(key)});
}

std::string ApiTest::body(std::string_view path) const {
  const auto answer = get(path);
  EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
  return answer.body;
}

std::vector<std::string> ApiTest::values(std::string_view path, std::string_view array, std::string_view member) const {
  std::vector<std::string> found;
  json::Parser parser;
  const auto root = parser.parse(body(path));
  if (!root) {
    ADD_FAILURE() << root.error().text;
    return found;
  }
  (*root)[array].each_element([&](json::Value element) { found.push_back(json::to_text(element[member])); });
  return found;
}

void ApiTest::add(const TestRun& run) {
  execute(database_.url(), [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO runs (customer_id, run_id, agent_id, agent_version, first_step, first_timestamp, parent_run_id,"
        " model, started_at, completed_at, max_step, event_count, first_received_at, last_received_at)"
        " VALUES ($1, $2, $3, 'v1', 0, 1, $4, $5, $6, $7, $8, 2, to_timestamp($9), to_timestamp($9))",
        run.customer_id, run.run_id, run.agent_id, run.parent_run_id, run.model, run.started_at, run.completed_at,
        run.max_step, run.received_at);
    if (!run.trigger) return;
    tx.exec_params(
        "INSERT INTO processed_runs (customer_id, run_id, agent_id, agent_version, processed_at, trigger, exit_reason,"
        " incomplete) VALUES ($1, $2, $3, 'v1', to_timestamp($4), $5, $6, $7::jsonb)",
        run.customer_id, run.run_id, run.agent_id, run.processed_at, *run.trigger, run.exit_reason, run.incomplete);
  });
}

void ApiTest::add(const TestEvent& event) {
  execute(database_.url(), [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO events (customer_id, batch_id, event_type, run_id, agent_id, agent_version, step_index,"
        " \"timestamp\", payload, parent_run_id, received_at)"
        " VALUES ($1, 'b', $2, $3, 'agent', 'v1', $4, $5, $6::jsonb, $7, to_timestamp($8))",
        event.customer_id, event.type, event.run_id, event.step, event.timestamp, event.payload, event.parent_run_id,
        event.received_at);
  });
}

void ApiTest::add(const TestSignal& signal) {
  execute(database_.url(), [&](pqxx::work& tx) {
    tx.exec_params(
        "INSERT INTO failure_signals (customer_id, failure_type, severity, run_id, agent_id, agent_version, step_index,"
        " confidence, evidence, detected_at, shadow, alerted, co_signal_count, detector_id, detector_version, "
        "config_hash, withdrawn_at)"
        " VALUES ($1, $2, $3, $4, $5, 'v1', $6, $7, $8::jsonb, to_timestamp($9), $10, $11, $12, 'demo', '1', "
        "'c0ffee00c0ffee00', to_timestamp($13))",
        signal.customer_id, signal.failure_type, signal.severity, signal.run_id, signal.agent_id, signal.step,
        signal.confidence, signal.evidence, signal.detected_at, signal.shadow, signal.alerted, signal.co_signals,
        signal.withdrawn_at);
  });
}

std::string ApiTest::key_of(const std::string& customer_id, const std::string& scope,
                            const std::optional<std::string>& agent_id) {
  const auto key = store::create_key(db_, customer_id, agent_id, {scope});
  EXPECT_TRUE(key) << key.error().text;
  return key ? key->secret : std::string();
}

}  // namespace dunetrace::api
