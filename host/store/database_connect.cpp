#include "store/database_connect.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

namespace dunetrace::store::detail {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  text.push_back('\'');
  return text;
}

void add_defaults(std::map<std::string, std::string>& pairs, const DatabaseOptions& options) {
  pairs.try_emplace("application_name", options.application_name.empty() ? "dunetrace" : options.application_name);
  // A peer that vanished without a word is noticed after 30 + 3·5 s when idle, after 10 s with data on the way.
  pairs.try_emplace("keepalives_idle", "30");
  pairs.try_emplace("keepalives_interval", "5");
  pairs.try_emplace("keepalives_count", "3");
  pairs.try_emplace("tcp_user_timeout", "10000");
  pairs.try_emplace("client_encoding", "UTF8");
  pairs.try_emplace("connect_timeout", "3");
  // Behind what the URL says, so that ours win: a session without limits can hold up everybody else, and compiling a
  // plan takes ten times as long as our queries do. What a session has written is sent to the disk after so many pages
  // (the most there may be): left in the server's memory until a checkpoint, it goes there all at once, and whoever
  // shares the disk waits for it, first of all the commits of the spool.
  pairs["options"] += fmt::format(
      " -c statement_timeout={} -c idle_in_transaction_session_timeout=10000 -c TimeZone=UTC "
      "-c client_min_messages=warning -c jit=off -c backend_flush_after=256",
      options.statement_timeout.count());
  if (options.lazy_commits) pairs["options"] += " -c synchronous_commit=off";
}

using Pairs = std::map<std::string, std::string>;

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> items(1);
  for (const char c : list) {
    if (c == ',')
      items.emplace_back();
    else
      items.back().push_back(c);
  }
  return items;
}

// The same for each of the servers alone. What libpq would not take as a list stays for it to complain about, and so
// does a preference that only means something among several.
std::vector<Pairs> for_each_server(const Pairs& all) {
  const auto attributes = all.find("target_session_attrs");
  const bool prefers = attributes != all.end() && attributes->second.starts_with("prefer");
  std::map<std::string, std::vector<std::string>> lists;
  std::size_t servers = 1;
  for (const char* key : {"host", "hostaddr", "port"}) {
    if (const auto found = all.find(key); found != all.end()) lists[key] = split(found->second);
    if (lists.contains(key)) servers = std::max(servers, lists[key].size());
  }
  for (const auto& [key, list] : lists) {
    const bool one_for_all = key == "port" && list.size() == 1;
    if (prefers || (list.size() != servers && !one_for_all)) return {all};
  }
  std::vector<Pairs> each(servers, all);
  for (std::size_t i = 0; i < servers; ++i) {
    for (const auto& [key, list] : lists) each[i][key] = list[list.size() == 1 ? 0 : i];
  }
  return each;
}

// As libpq reads it in its blocking calls: less than 2 s is 2 s, zero or nonsense is no limit.
std::chrono::milliseconds connect_limit_of(const std::string& text) {
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds <= 0 ? std::chrono::hours(1) : std::chrono::seconds(std::max(seconds, 2));
}

}  // namespace

Result<ConnectInfo> ConnectInfo::make(const DatabaseOptions& options) {
  char* complaint = nullptr;  // holds the whole text with its password, so it is never shown
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(PQconninfoParse(options.url.c_str(), &complaint));
  PQfreemem(complaint);
  if (!parsed || options.url.empty()) {
    return fail(
        Code::invalid_argument,
        "the database URL cannot be read: expected postgresql://user:password@host:port/name or key=value pairs");
  }
  ConnectInfo info;
  std::map<std::string, std::string> pairs;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    pairs[option->keyword] = option->val;
    const bool is_secret = option->dispchar[0] == '*';  // libpq's own mark of a password field
    if (is_secret && option->val[0] != '\0') info.secrets_.emplace_back(option->val);
  }
  add_defaults(pairs, options);
  info.connect_limit_ = connect_limit_of(pairs["connect_timeout"]);
  for (const auto& server : for_each_server(pairs)) {
    std::string text;
    for (const auto& [key, value] : server)
      text.append(text.empty() ? "" : " ").append(key).append("=").append(quoted(value));
    info.texts_.push_back(std::move(text));
  }
  return info;
}

std::string ConnectInfo::clean(std::string_view message) const {
  constexpr std::size_t kMaxLength = 500;  // enough for any primary message; a log line is no dump
  std::string line;
  for (const char c : message) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (space && (line.empty() || line.back() == ' ')) continue;
    line.push_back(space ? ' ' : c);
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  for (const auto& secret : secrets_) {
    for (auto at = line.find(secret); at != std::string::npos; at = line.find(secret, at + 3)) {
      line.replace(at, secret.size(), "***");
    }
  }
  if (line.size() > kMaxLength) {
    auto cut = kMaxLength;
    while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0U) == 0x80U) --cut;  // no half of a character
    line.resize(cut);
    line += "…";
  }
  return line;
}

}  // namespace dunetrace::store::detail
