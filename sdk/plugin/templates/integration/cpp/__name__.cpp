// The library: one integration, and the one function that the host looks for.
#include "{{name}}.hpp"

DUNE_INTEGRATION_PLUGIN({{name}}::{{Name}})
