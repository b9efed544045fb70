#include "config/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_set>

#include "config/names.hpp"

namespace dunetrace::config {

namespace {

struct Refused {  // leaves yaml-cpp's parser; never leaves this file
  int line, column;
  std::string what;
};

// Length of the UTF-8 sequence at `at`, 0 when it is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const auto first = byte(at);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!tail(at + 1) || !tail(at + 2)) return 0;
    if ((first == 0xE0 && byte(at + 1) < 0xA0) || (first == 0xED && byte(at + 1) > 0x9F)) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!tail(at + 1) || !tail(at + 2) || !tail(at + 3)) return 0;
    if ((first == 0xF0 && byte(at + 1) < 0x90) || (first == 0xF4 && byte(at + 1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

// yaml-cpp accepts a byte order mark and UTF-16, and alters invalid UTF-8 in silence.
std::optional<Refused> check_bytes(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) return Refused{1, 1, "expected UTF-8 without a byte order mark"};
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return Refused{1, 1, "expected UTF-8, found UTF-16"};
  }
  int line = 1, column = 1;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const auto length = utf8_length(text, at);
    if (length == 0) return Refused{line, column, "expected UTF-8"};
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      return Refused{line, column, fmt::format("control character {:#04x}", c)};
    }
    if (c == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
    at += length;
  }
  return std::nullopt;
}

// yaml-cpp takes a quoted text that the end of the file cuts off. `at` is the opening quote.
bool is_closed(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;  // '' is a quote within
    }
  }
  return false;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const YamlLimits& limits) : text_(text), limits_(limits) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    refuse(mark, fmt::format("anchor '&{}' is not supported; write the value out", shown(name)));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "aliases (*name) are not supported; write the value out");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(node_at(mark, YamlNode::Kind::null));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    const auto at = static_cast<std::size_t>(std::max(mark.pos, 0));
    const char first = at < text_.size() ? text_[at] : ' ';
    if ((tag != "?" && tag != "!") || first == '!') refuse_tag(mark, tag);
    if ((first == '\'' || first == '"') && !is_closed(text_, at)) refuse(mark, "a text without a closing quote");
    if (value.size() > limits_.value_bytes) {
      refuse(mark, fmt::format("a value of {} bytes; at most {} are allowed", value.size(), limits_.value_bytes));
    }
    auto node = node_at(mark, YamlNode::Kind::scalar);
    node.text = value;
    node.quoted = tag == "!";
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    if (tag != "?" && !tag.empty()) refuse_tag(mark, tag);
    open(node_at(mark, YamlNode::Kind::list));
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    if (tag != "?" && !tag.empty()) refuse_tag(mark, tag);
    open(node_at(mark, YamlNode::Kind::mapping));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    YamlNode node;
    std::unordered_set<std::string> keys;
    std::optional<YamlNode> key;  // read, its value is due
  };

  [[noreturn]] static void refuse(const YAML::Mark& mark, std::string what) {
    throw Refused{mark.line + 1, mark.column + 1, std::move(what)};
  }
  [[noreturn]] static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    refuse(mark, fmt::format("tag '{}' is not supported", shown(tag)));
  }
  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors (&name) are not supported; write the value out");
  }
  static YamlNode node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void count(const YamlNode& node) const {
    if (count_ > limits_.values) {
      throw Refused{node.line, node.column, fmt::format("more than {} values", limits_.values)};
    }
  }

  void open(YamlNode node) {
    if (stack_.size() >= limits_.depth) {
      throw Refused{node.line, node.column, fmt::format("nested deeper than {} levels", limits_.depth)};
    }
    if (!stack_.empty() && wants_key()) {
      throw Refused{node.line, node.column, fmt::format("expected a name as key, found {}", describe(node))};
    }
    ++count_;
    count(node);
    stack_.push_back(Frame{std::move(node), {}, std::nullopt});
  }

  void close() {
    auto node = std::move(stack_.back().node);
    stack_.pop_back();
    --count_;  // add() counts it again
    add(std::move(node));
  }

  [[nodiscard]] bool wants_key() const { return stack_.back().node.is_mapping() && !stack_.back().key; }

  void add(YamlNode node) {
    ++count_;
    count(node);
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& top = stack_.back();
    if (!top.node.is_mapping()) {
      top.node.items.push_back(std::move(node));
    } else if (top.key) {
      top.node.entries.push_back({std::move(*top.key), std::move(node)});
      top.key.reset();
    } else {
      add_key(top, std::move(node));
    }
  }

  static void add_key(Frame& top, YamlNode key) {
    const auto refuse_key = [&](std::string what) { throw Refused{key.line, key.column, std::move(what)}; };
    if (key.kind != YamlNode::Kind::scalar || key.text.empty()) refuse_key("expected a name as key, found nothing");
    if (key.text == "<<" && !key.quoted) refuse_key("merge keys (<<) are not supported; write the values out");
    if (!top.keys.insert(key.text).second) refuse_key(fmt::format("duplicate key '{}'", shown(key.text)));
    top.key = std::move(key);
  }

  std::string_view text_;  // outlives the builder
  YamlLimits limits_;
  YamlNode root_;
  std::vector<Frame> stack_;
  std::size_t count_ = 0;
};

YamlNode parse(std::string_view text, const YamlLimits& limits) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  TreeBuilder builder(text, limits);
  if (parser.HandleNextDocument(builder)) {
    TreeBuilder rest(text, limits);
    if (parser.HandleNextDocument(rest)) {
      const auto second = rest.take();
      throw Refused{second.line, second.column, "a second document; expected only one"};
    }
  }
  return builder.take();
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::ranges::find_if(entries, [&](const YamlEntry& e) { return e.key.text == key; });
  return found == entries.end() ? nullptr : &found->value;
}

std::string describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "nothing";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::mapping:
      return "a mapping";
    case YamlNode::Kind::scalar:
      break;
  }
  return node.quoted ? fmt::format("the text '{}'", shown(node.text)) : fmt::format("'{}'", shown(node.text));
}

std::string located(std::string_view name, const YamlNode& node, std::string_view what) {
  return fmt::format("{}:{}:{}: {}", name, node.line, node.column, what);
}

Result<YamlNode> read_yaml(std::string_view text, std::string_view name, const YamlLimits& limits) {
  const auto refused = [&](int line, int column, std::string_view what) {
    return fail(Code::invalid_argument, fmt::format("{}:{}:{}: {}", name, line, column, what));
  };
  if (text.size() > limits.file_bytes) {
    return refused(1, 1, fmt::format("a file of {} bytes; at most {} are allowed", text.size(), limits.file_bytes));
  }
  if (const auto bad = check_bytes(text)) return refused(bad->line, bad->column, bad->what);
  try {
    return parse(text, limits);
  } catch (const Refused& bad) {
    return refused(bad.line, bad.column, bad.what);
  } catch (const YAML::Exception& bad) {
    // The mark of an error at the end of the file may be missing.
    const int line = bad.mark.is_null() ? 1 : bad.mark.line + 1;
    const int column = bad.mark.is_null() ? 1 : bad.mark.column + 1;
    return refused(line, column, fmt::format("not valid YAML: {}", shown(bad.msg)));
  } catch (const std::exception& bad) {
    return refused(1, 1, fmt::format("not valid YAML: {}", shown(bad.what())));
  }
}

}  // namespace dunetrace::config
