#include "http/message.hpp"

#include "core/result.hpp"
#include "http/framing.hpp"
#include "json/writer.hpp"

namespace dunetrace::http {

std::string_view to_text(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      return "OTHER";
  }
  return "OTHER";
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (equal_ignoring_case(key, name)) return value;
  }
  return {};
}

std::optional<std::string_view> Request::query_value(std::string_view key) const {
  for (auto it = query.rbegin(); it != query.rend(); ++it) {
    if (it->first == key) return it->second;
  }
  return std::nullopt;
}

const std::string& Request::param(std::string_view name) const {
  const auto found = params.find(name);
  DUNE_CHECK(found != params.end(), "the route has no such part");
  return found->second;
}

Response Response::json(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

Response Response::error(int status, std::string_view detail) {
  std::string body = R"({"detail":)";
  dunetrace::json::append_string(body, detail);
  body.push_back('}');
  return json(status, std::move(body));
}

Response&& Response::with(std::string name, std::string value) && {
  headers.emplace_back(std::move(name), std::move(value));
  return std::move(*this);
}

Responder::Responder(Send send) : send_(std::move(send)) {}

Responder& Responder::operator=(Responder&& other) noexcept {
  if (this != &other) {
    Responder dropped(std::move(*this));  // an unanswered request must not be forgotten
    send_ = std::exchange(other.send_, nullptr);
  }
  return *this;
}

Responder::~Responder() {
  if (send_) send(Response::error(500, "Internal Server Error"));
}

void Responder::send(Response response) {
  if (const auto answer = std::exchange(send_, nullptr)) answer(std::move(response));
}

}  // namespace dunetrace::http
