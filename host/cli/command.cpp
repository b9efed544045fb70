#include "cli/command.hpp"

#include <cstdio>

namespace dunetrace::cli {

int report(const Error& error) {
  std::fprintf(stderr, "dunetrace: %s\n", error.text.c_str());
  switch (error.code) {
    case Code::invalid_argument:
    case Code::not_found:
    case Code::conflict:
    case Code::denied:
      return kUsage;
    case Code::unavailable:
    case Code::timeout:
    case Code::internal:
      break;
  }
  return kFailed;
}

}  // namespace dunetrace::cli
