// What every reading function of the API shares: whose rows may be seen, which page of them, and the page that came
// out. Plain values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dunetrace::store {

// Whose rows a reader sees. Nothing = every customer's (dev mode); agents and runs of the same name are then shown as
// one.
struct Scope {
  std::optional<std::string> customer_id;
  bool admin = false;  // the key has this scope: facts about the host are shown in full, others' rows are not
};

struct PageRequest {
  std::int64_t offset = 0;
  std::int64_t limit = 50;
};

template <class T>
struct Listing {
  std::vector<T> rows;
  std::int64_t total = 0;  // of all pages
};

}  // namespace dunetrace::store
