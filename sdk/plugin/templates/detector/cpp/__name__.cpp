// The library: one detector, and the one function that the host looks for.
#include "{{name}}.hpp"

DUNE_DETECTOR_PLUGIN({{name}}::{{Name}})
