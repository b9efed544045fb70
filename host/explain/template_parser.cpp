// Reads template source into a program. Every error names line and column, because the texts are written by hand.
#include <charconv>
#include <cmath>
#include <optional>

#include "explain/template_program.hpp"

namespace dunetrace::explain {

namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::optional<double> to_number(std::string_view word) {
  double value = 0;
  const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
  if (end.ec != std::errc{} || end.ptr != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(std::string_view source) : source_(source) {}
  Result<Template::Program> parse();

 private:
  struct Section {
    std::size_t opened_at = 0;          // in the source
    std::optional<std::size_t> unless;  // its target is where the next branch begins
    std::vector<std::size_t> jumps;     // their target is behind the section
  };

  Result<> tag();
  Result<> placeholder();
  Result<> open_section();
  Result<> next_branch();
  Result<> close_section();
  Result<> condition();
  Result<Test> test();
  Result<> literal_of(Test& test);
  Result<Path> path();
  Result<FilterCall> filter_call();
  Result<Argument> argument();
  Result<std::string> quoted();
  Result<> end_of_tag();
  static Result<> check_arguments(const FilterCall& call, const Parser& parser, std::size_t at);

  [[nodiscard]] bool done() const { return at_ >= source_.size(); }
  [[nodiscard]] char peek() const { return done() ? '\0' : source_[at_]; }
  bool take(std::string_view text);
  void skip_blanks();
  std::string_view word(std::string_view also);
  void flush_text();
  [[nodiscard]] tl::unexpected<Error> error(std::string_view what) const { return error_at(at_, what); }
  [[nodiscard]] tl::unexpected<Error> error_at(std::size_t at, std::string_view what) const;

  std::string_view source_;
  std::size_t at_ = 0;
  std::string text_;
  std::vector<Section> sections_;
  Template::Program program_;
};

tl::unexpected<Error> Parser::error_at(std::size_t at, std::string_view what) const {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i < at && i < source_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(source_[i]);
    if (source_[i] == '\n') {
      ++line, column = 1;
    } else if ((byte & 0xC0u) != 0x80u) {
      ++column;  // characters, not bytes
    }
  }
  return fail(Code::invalid_argument,
              "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + std::string(what));
}

bool Parser::take(std::string_view text) {
  if (source_.substr(at_, text.size()) != text) return false;
  at_ += text.size();
  return true;
}

void Parser::skip_blanks() {
  while (peek() == ' ' || peek() == '\n' || peek() == '\t') ++at_;
}

std::string_view Parser::word(std::string_view also) {
  const auto start = at_;
  while (!done() && (is_name_char(peek()) || also.find(peek()) != std::string_view::npos)) ++at_;
  return source_.substr(start, at_ - start);
}

void Parser::flush_text() {
  if (text_.empty()) return;
  program_.instructions.emplace_back(Text{std::move(text_)});
  text_.clear();
}

Result<Template::Program> Parser::parse() {
  while (!done()) {
    if (take("{{")) {
      text_ += '{';
    } else if (take("}}")) {
      text_ += '}';
    } else if (peek() == '}') {
      return error("a single \"}\"; write \"}}\" for a brace in the text");
    } else if (take("{")) {
      flush_text();
      DUNE_TRY_VOID(tag());
    } else {
      text_ += source_[at_++];
    }
  }
  flush_text();
  if (!sections_.empty()) return error_at(sections_.back().opened_at, "this section is never closed; expected \"{/}\"");
  return std::move(program_);
}

Result<> Parser::tag() {
  if (take("?")) return open_section();
  if (take(":")) return next_branch();
  if (take("/")) return close_section();
  return placeholder();
}

Result<> Parser::end_of_tag() {
  skip_blanks();
  if (take("}")) return {};
  return error(done() ? "the text ends inside of a placeholder; expected \"}\"" : "expected \"}\"");
}

Result<> Parser::placeholder() {
  Placeholder result;
  DUNE_TRY(where, path());
  result.path = std::move(where);
  skip_blanks();
  while (take("|")) {
    DUNE_TRY(call, filter_call());
    result.filters.push_back(std::move(call));
    skip_blanks();
  }
  DUNE_TRY_VOID(end_of_tag());
  program_.instructions.emplace_back(std::move(result));
  return {};
}

Result<Path> Parser::path() {
  skip_blanks();
  const auto start = at_;
  Path result;
  do {
    const auto name = word("");
    if (name.empty()) return error("expected a name (letters, digits, \"_\", \"-\", parts separated by \".\")");
    result.names.emplace_back(name);
  } while (take("."));
  result.text = std::string(source_.substr(start, at_ - start));
  return result;
}

Result<FilterCall> Parser::filter_call() {
  skip_blanks();
  const auto start = at_;
  const auto name = word("");
  FilterCall call;
  call.filter = find_filter(name);
  if (call.filter == nullptr) {
    return error_at(start, "unknown filter \"" + std::string(name) + "\"; known are " + filter_names());
  }
  if (take(":")) {
    do {
      DUNE_TRY(arg, argument());
      call.args.push_back(std::move(arg));
      skip_blanks();
    } while (take(","));
  }
  DUNE_TRY_VOID(check_arguments(call, *this, start));
  return call;
}

Result<> Parser::check_arguments(const FilterCall& call, const Parser& parser, std::size_t at) {
  const auto& filter = *call.filter;
  const std::string name = "\"" + std::string(filter.name) + "\"";
  if (call.args.size() < filter.min_args || call.args.size() > filter.max_args) {
    auto expected = std::to_string(filter.min_args);
    if (filter.max_args != filter.min_args) expected += " or " + std::to_string(filter.max_args);
    return parser.error_at(
        at, "filter " + name + " takes " + expected + " arguments, not " + std::to_string(call.args.size()));
  }
  for (const auto& arg : call.args) {
    const double n = arg.number.value_or(-1);
    if (filter.wants_number && !(n >= 0 && n <= 1000 && n == std::floor(n))) {
      return parser.error_at(at, "filter " + name + " takes a whole number from 0 to 1000, not \"" + arg.text + "\"");
    }
  }
  return {};
}

Result<Argument> Parser::argument() {
  skip_blanks();
  if (peek() == '"') {
    DUNE_TRY(text, quoted());
    return Argument{std::move(text), std::nullopt};
  }
  const auto bare = word(".");
  if (bare.empty()) return error("expected an argument: a number, a word or a text in quotes");
  return Argument{std::string(bare), to_number(bare)};
}

Result<std::string> Parser::quoted() {
  const auto start = at_++;
  std::string out;
  while (!done()) {
    const char c = source_[at_++];
    if (c == '"') return out;
    if (c != '\\') {
      out += c;
    } else if (take("n")) {
      out += '\n';
    } else if (peek() == '"' || peek() == '\\') {
      out += source_[at_++];
    } else {
      return error("after a backslash in quotes, expected \\\", \\\\ or \\n");
    }
  }
  return error_at(start, "this text is never closed; expected '\"'");
}

Result<> Parser::condition() {
  Unless unless;
  do {
    DUNE_TRY(one, test());
    unless.tests.push_back(std::move(one));
    skip_blanks();
  } while (take("&&"));
  DUNE_TRY_VOID(end_of_tag());
  sections_.back().unless = program_.instructions.size();
  program_.instructions.emplace_back(std::move(unless));
  return {};
}

Result<Test> Parser::test() {
  Test result;
  skip_blanks();
  result.negated = take("!");
  DUNE_TRY(where, path());
  result.path = std::move(where);
  skip_blanks();
  const auto start = at_;
  constexpr std::pair<std::string_view, Compare> kOperators[] = {
      {"!=", Compare::not_equal}, {"<=", Compare::less_equal}, {">=", Compare::greater_equal},
      {"=", Compare::equal},      {"<", Compare::less},        {">", Compare::greater}};
  for (const auto& [sign, compare] : kOperators) {
    if (!take(sign)) continue;
    if (result.negated) return error_at(start, "\"!\" does not go with a comparison; use \"!=\" or the opposite one");
    result.compare = compare;
    DUNE_TRY_VOID(literal_of(result));
    break;
  }
  return result;
}

Result<> Parser::literal_of(Test& test) {
  skip_blanks();
  const auto start = at_;
  const bool in_quotes = peek() == '"';
  std::string text;
  if (in_quotes) {
    DUNE_TRY(read, quoted());
    text = std::move(read);
  } else {
    text = std::string(word("."));
    if (text.empty()) return error("expected a value: a number, true, false, null, a word or a text in quotes");
  }
  const auto number = in_quotes ? std::nullopt : to_number(text);
  const bool by_size = test.compare != Compare::equal && test.compare != Compare::not_equal;
  if (by_size && !number) return error_at(start, "expected a number to compare with");
  if (number) {
    test.literal = *number;
  } else if (!in_quotes && (text == "true" || text == "false")) {
    test.literal = text == "true";
  } else if (!in_quotes && text == "null") {
    test.literal = std::monostate{};
  } else {
    test.literal = std::move(text);
  }
  return {};
}

Result<> Parser::open_section() {
  sections_.push_back(Section{at_ - 2, std::nullopt, {}});
  return condition();
}

Result<> Parser::next_branch() {
  const auto start = at_ - 2;
  if (sections_.empty()) return error_at(start, "\"{:\" outside of a section");
  auto& section = sections_.back();
  if (!section.unless) return error_at(start, "another branch after \"{:}\", which has to be the last one");
  section.jumps.push_back(program_.instructions.size());
  program_.instructions.emplace_back(Jump{});
  std::get<Unless>(program_.instructions[*section.unless]).target = program_.instructions.size();
  section.unless.reset();
  return take("?") ? condition() : end_of_tag();
}

Result<> Parser::close_section() {
  const auto start = at_ - 2;
  if (sections_.empty()) return error_at(start, "\"{/}\" closes nothing");
  DUNE_TRY_VOID(end_of_tag());
  const auto& section = sections_.back();
  const auto end = program_.instructions.size();
  if (section.unless) std::get<Unless>(program_.instructions[*section.unless]).target = end;
  for (const auto jump : section.jumps) std::get<Jump>(program_.instructions[jump]).target = end;
  sections_.pop_back();
  return {};
}

}  // namespace

Result<Template::Program> parse_template(std::string_view source) { return Parser(source).parse(); }

}  // namespace dunetrace::explain
