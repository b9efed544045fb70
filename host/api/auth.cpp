#include "api/auth.hpp"

#include <algorithm>

#include "api/answers.hpp"
#include "core/hash.hpp"
#include "store/keys.hpp"

namespace dunetrace::api {

namespace {

constexpr std::size_t kMaxKnown =
    10'000;  // distinct active keys within the cache time; above, the oldest news is dropped

http::Response unauthorized(std::string_view detail) {
  return http::Response::error(401, detail).with("WWW-Authenticate", "Bearer");
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view bearer_key(std::string_view header) {
  constexpr std::string_view kScheme = "bearer";
  header = trimmed(header);
  const auto as_scheme = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  const auto word = header.substr(0, kScheme.size());
  if (!std::equal(word.begin(), word.end(), kScheme.begin(), kScheme.end(), as_scheme)) return header;
  if (header.size() == kScheme.size()) return {};
  return is_blank(header[kScheme.size()]) ? trimmed(header.substr(kScheme.size())) : header;
}

std::optional<Authenticator::Known> Authenticator::remembered(const std::string& hash) const {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(hash);
  if (found == known_.end() || found->second.until <= clock_.steady()) return std::nullopt;
  return found->second;
}

void Authenticator::forget() {
  const std::lock_guard lock(mutex_);
  known_.clear();
  ++age_;
}

std::uint64_t Authenticator::age() const {
  const std::lock_guard lock(mutex_);
  return age_;
}

void Authenticator::remember(const std::string& hash, Known known, std::uint64_t asked_in) {
  const std::lock_guard lock(mutex_);
  if (asked_in != age_) return;
  if (known_.size() >= kMaxKnown) {
    std::erase_if(known_, [now = clock_.steady()](const auto& entry) { return entry.second.until <= now; });
    if (known_.size() >= kMaxKnown) known_.clear();
  }
  known_.insert_or_assign(hash, std::move(known));
}

tl::expected<store::Scope, http::Response> Authenticator::admit(const http::Request& request) {
  if (dev_) return store::Scope{};
  const auto key = bearer_key(request.header("authorization"));
  if (key.empty()) return tl::unexpected(unauthorized("authorization header required"));
  const std::string hash = sha256_hex(key);
  auto known = remembered(hash);
  if (!known) {
    const auto asked_at = clock_.steady();  // before the question, so that a revocation meanwhile counts
    const auto asked_in = age();
    const auto found = store::find_active_key(db_, key);
    if (!found) return tl::unexpected(refuse(found.error(), request, log_));
    if (!*found) return tl::unexpected(unauthorized("API key is unknown or inactive"));
    const auto& scopes = (*found)->scopes;
    const auto has = [&scopes](const char* scope) { return std::ranges::find(scopes, scope) != scopes.end(); };
    known = Known{(*found)->customer_id, has("read"), has("admin"), asked_at + kKeyCacheTime};
    remember(hash, *known, asked_in);
    if (const auto noted = store::note_used_keys(db_, {sha256(key)}); !noted) {
      log_.warn("api.key_use_not_noted", {{"reason", noted.error().text}});
    }
  }
  if (!known->may_read) return tl::unexpected(http::Response::error(403, "this API key lacks the scope 'read'"));
  return store::Scope{known->customer_id, known->admin};
}

}  // namespace dunetrace::api
