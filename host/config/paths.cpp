#include "config/paths.hpp"

namespace dunetrace::config {

namespace fs = std::filesystem;

Result<Paths> find_paths(fs::path executable) {
  std::error_code failed;
  if (executable.empty()) {
    executable = fs::read_symlink("/proc/self/exe", failed);
    if (failed) return fail(Code::internal, "/proc/self/exe: " + failed.message() + "; is /proc mounted?");
  }
  const auto prefix = executable.parent_path().parent_path();
  const auto share = prefix / "share" / "dunetrace";
  Paths paths{share / "migrations", share / "dashboard", share / "detectors.yml",
              prefix / "lib" / "dunetrace" / "plugins"};
  for (const auto* directory : {&paths.migrations, &paths.dashboard, &paths.plugins}) {
    if (!fs::is_directory(*directory, failed)) {
      return fail(Code::not_found, directory->string() + ": no such directory; the installation beside " +
                                       executable.string() + " is incomplete");
    }
  }
  return paths;
}

}  // namespace dunetrace::config
