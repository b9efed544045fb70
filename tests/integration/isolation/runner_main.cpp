// A runner without the rest of the host, for tests of the runner alone: what `dunetrace plugin-runner` does.
#include <cstddef>

#include "plugin/isolation/child.hpp"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  return dunetrace::plugin::run_child({argv + 2, static_cast<std::size_t>(argc - 2)});
}
