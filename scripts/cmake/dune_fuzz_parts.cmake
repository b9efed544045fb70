# The fuzz build takes of large folders only what its targets need, because clang with sanitizers has no other use for
# the rest. A folder that is not named here is built whole. What is missing here does not link.
set(DUNE_FUZZ_PARTS_http chunked.cpp compression.cpp framing.cpp message.cpp router.cpp url.cpp)
set(DUNE_FUZZ_PARTS_plugin
    describe.cpp describe_parts.cpp json_out.cpp path_policy.cpp sink.cpp isolation/channel.cpp
    isolation/forwarded_services.cpp isolation/library_codec.cpp isolation/outward_codec.cpp isolation/packing.cpp
    policy/lock_file.cpp)
set(DUNE_FUZZ_PARTS_ingest admission.cpp privacy.cpp validation.cpp)
set(DUNE_FUZZ_PARTS_detect payload.cpp replay.cpp)
set(DUNE_FUZZ_PARTS_backtest file_source.cpp line_file.cpp)
set(DUNE_FUZZ_PARTS_cases case_file.cpp check.cpp script.cpp yaml_json.cpp)
set(DUNE_FUZZ_PARTS_store ../../tests/fuzz/nothing.cpp)
