// Requests and responses as the roles see them; nothing of Pistache or of the parser.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunetrace::http {

enum class Method : unsigned char { get, head, post, put, patch, del, options, other };

[[nodiscard]] std::string_view to_text(Method method);

using Headers = std::vector<std::pair<std::string, std::string>>;  // names as received

struct Request {
  Method method = Method::get;
  std::string target;                                      // as received, for the log only
  std::string path;                                        // percent-decoded, always begins with '/'
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order, repeats kept
  std::map<std::string, std::string, std::less<>> params;  // {name} parts of the route, percent-decoded
  std::string route;                                       // template that matched, "/v1/runs/{run_id}"; a metric label
  Headers headers;
  std::string body;  // already inflated when the client compressed it
  std::string client_address;
  std::string request_id;  // also sent back as X-Request-Id

  // Case-insensitive; the first one of repeats; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  // The last value of a query key; nothing when absent.
  [[nodiscard]] std::optional<std::string_view> query_value(std::string_view key) const;
  // The route part `{name}`; must exist in the route.
  [[nodiscard]] const std::string& param(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;

  [[nodiscard]] static Response json(int status, std::string body);
  // {"detail": text}
  [[nodiscard]] static Response error(int status, std::string_view detail);
  Response&& with(std::string name, std::string value) &&;
};

// Answers one request, from any thread, once; later answers are ignored. Dropped without an answer it sends a 500.
class Responder {
 public:
  using Send = std::function<void(Response)>;
  explicit Responder(Send send);
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();
  void send(Response response);

 private:
  Send send_;
};

}  // namespace dunetrace::http
