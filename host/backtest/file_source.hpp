// Recorded runs in a file: NDJSON, packed with gzip or not, in one of two forms. Either one run per line
//   {"run_id": …, "events": [wire event, …], anything else}
// or one wire event per line with the events of a run standing together. The first line decides which.
// What ingest would refuse is skipped: one wrong event takes its run with it, as it takes its batch there. The privacy
// guard and the defaults are ingest's, too. An event without a time gets the latest one of its run.
#pragma once

#include <filesystem>
#include <string>

#include "backtest/line_file.hpp"
#include "backtest/source.hpp"
#include "json/reader.hpp"

namespace dunetrace::backtest {

struct FileRules {
  bool rehash_legacy_fields = true;  // as REHASH_LEGACY_FIELDS
};

// The one run of a JSON text: {"events": [wire event, …]} or the list of events alone.
[[nodiscard]] Result<RunEvents> read_run(std::string_view text, const FileRules& rules);

class FileSource final : public Source {
 public:
  [[nodiscard]] static Result<FileSource> open(const std::filesystem::path& path, const FileRules& rules);

  [[nodiscard]] Result<Load> next() override;
  [[nodiscard]] bool may_repeat() const override { return true; }

 private:
  enum class Form : std::uint8_t { unknown, runs, events };
  // A body as of POST /v1/ingest, holding one run.
  struct Piece {
    std::size_t line = 0;
    std::string body;
  };
  // Lines of one run that have been read, while the file has one event per line.
  struct Group {
    std::string run_id;
    Piece piece;
    bool too_large = false;
  };
  struct Work {
    std::vector<Piece> pieces;
    std::vector<Skipped> skipped;
    std::size_t bytes = 0;
  };
  FileSource(LineFile file, const FileRules& rules) : file_(std::move(file)), rules_(rules) {}

  void take_line(std::string_view line, Work& work);
  void take_event(std::string_view line, Work& work);
  void end_group(Work& work);
  [[nodiscard]] static Recorded load(const Work& work, const FileRules& rules);

  LineFile file_;
  FileRules rules_;
  Form form_ = Form::unknown;
  Group group_;
  json::Parser parser_;
  bool ended_ = false;
};

}  // namespace dunetrace::backtest
