// plugins.lock: what is read is written in one form, and that form reads as the same.
#include "fuzz.hpp"
#include "plugin/policy/lock_file.hpp"

namespace dunetrace::fuzz {

using namespace plugin::policy;

void run(std::string_view input) {
  const auto lock = LockFile::parse(input, "plugins.lock");
  if (!lock) {
    DUNE_HOLDS(std::string_view(lock.error().text).starts_with("plugins.lock"), lock.error().text);
    return;
  }
  for (const auto& [name, entry] : lock->entries) {
    DUNE_HOLDS(name.find('/') == std::string::npos && name.ends_with(".so"), input);
    DUNE_HOLDS(entry.sha256.size() == 64, input);
    DUNE_HOLDS(entry.sha256.find_first_not_of("0123456789abcdef") == std::string::npos, input);
  }
  const auto written = lock->text();
  const auto again = LockFile::parse(written, "plugins.lock");
  DUNE_HOLDS(again.has_value() && again->entries == lock->entries && again->text() == written, written);
  DUNE_HOLDS(differences(*lock, *again).empty(), written);
  static_cast<void>(differences(LockFile{}, *lock));
}

}  // namespace dunetrace::fuzz
