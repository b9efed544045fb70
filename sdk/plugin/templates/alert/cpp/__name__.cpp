// The library: one destination, and the one function that the host looks for.
#include "{{name}}.hpp"

DUNE_ALERT_PLUGIN({{name}}::{{Name}})
