// The tables of host extensions that have a file of their own. Internal to plugin/; constant.
#pragma once

#include <dunetrace/ext/clock.h>
#include <dunetrace/ext/metrics.h>
#include <dunetrace/plugin.h>

namespace dunetrace::plugin {

[[nodiscard]] const dune_host_http_v1& http_extension();

}  // namespace dunetrace::plugin
