// The pages' files, read once at start: a request never touches the disk, and a file that changes under a running host
// is not served half. Immutable after load(); safe to read from any thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace dunetrace::dashboard {

struct Asset {
  std::string bytes;
  std::string content_type;
  std::string etag;  // strong, with its quotes
};

class Assets {
 public:
  // Every file with a known ending below `directory`. No such directory or no index.html in it → not_found.
  [[nodiscard]] static Result<Assets> load(const std::filesystem::path& directory);

  // By path as in the URL, "/css/base.css"; null when there is none.
  [[nodiscard]] const Asset* find(std::string_view path) const;
  [[nodiscard]] const Asset& page() const { return *find("/index.html"); }
  [[nodiscard]] std::size_t size() const { return files_.size(); }

 private:
  std::map<std::string, Asset, std::less<>> files_;
};

// True when the last part of the path ends like a file of a web page: "/js/gone.js", but not "/runs/v1.2".
[[nodiscard]] bool names_a_file(std::string_view path);

// A strong entity tag of these bytes, with its quotes.
[[nodiscard]] std::string etag_of(std::string_view bytes);

}  // namespace dunetrace::dashboard
