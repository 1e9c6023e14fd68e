#include "frontends/recipe/read_config.h"

#include <fmt/format.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/YAMLParser.h>

#include <charconv>

#include "runtime/base/json_read.h"
#include "runtime/base/mapped_file.h"

namespace llc::recipe {

namespace {
constexpr uint64_t largestFile = 1 << 20;
constexpr int deepest = 20;

class YamlReader {
 public:
  YamlReader(std::string_view text, const std::string &where)
      : where_(where), stream_({text.data(), text.size()}, manager_, false) {
    manager_.setDiagHandler(
        [](const llvm::SMDiagnostic &found, void *self) {
          auto &error = static_cast<YamlReader *>(self)->syntax_;
          if (error.empty()) error = fmt::format("line {}: {}", found.getLineNo(), found.getMessage().str());
        },
        this);
  }

  Result<OrderedJson> read() {
    auto document = stream_.begin();
    if (document == stream_.end() || !document->getRoot()) return broken("holds no document");
    LLC_ASSIGN(OrderedJson value, convert(document->getRoot(), 0));
    if (stream_.failed()) return broken("is no YAML");
    if (++document != stream_.end()) return broken("holds more than one document");
    return value;
  }

 private:
  Error broken(const std::string &what) const {
    return diagnose(ErrorKind::invalidInput, where_)
        .says(syntax_.empty() ? what : syntax_)
        .toFix("write it as llc-model create-config -o NAME.yaml does");
  }

  Result<OrderedJson> convert(llvm::yaml::Node *node, int depth) {
    if (!node || stream_.failed()) return broken("is no YAML");
    if (depth > deepest) return broken(fmt::format("is nested more than {} levels deep", deepest));
    if (!node->getAnchor().empty()) return broken("anchors are not supported");
    if (llvm::isa<llvm::yaml::NullNode>(node)) return OrderedJson(nullptr);
    if (auto *scalar = llvm::dyn_cast<llvm::yaml::ScalarNode>(node)) return scalarOf(*scalar);
    if (auto *block = llvm::dyn_cast<llvm::yaml::BlockScalarNode>(node)) return OrderedJson(block->getValue().str());
    if (auto *list = llvm::dyn_cast<llvm::yaml::SequenceNode>(node)) {
      OrderedJson items = OrderedJson::array();
      for (llvm::yaml::Node &item : *list) {
        LLC_ASSIGN(OrderedJson value, convert(&item, depth + 1));
        items.push_back(std::move(value));
      }
      return items;
    }
    if (auto *map = llvm::dyn_cast<llvm::yaml::MappingNode>(node)) return mapOf(*map, depth);
    return broken("aliases are not supported");
  }

  Result<OrderedJson> mapOf(llvm::yaml::MappingNode &map, int depth) {
    OrderedJson object = OrderedJson::object();
    for (llvm::yaml::KeyValueNode &entry : map) {
      auto *key = llvm::dyn_cast_or_null<llvm::yaml::ScalarNode>(entry.getKey());
      if (!key) return broken("a key is no text");
      llvm::SmallString<64> storage;
      std::string name = key->getValue(storage).str();
      if (object.contains(name)) return broken("the key '" + name + "' is there twice");
      LLC_ASSIGN(object[name], convert(entry.getValue(), depth + 1));
    }
    return object;
  }

  // Plain scalars are null, booleans or numbers where they look like it (YAML 1.2's core schema).
  static OrderedJson scalarOf(const llvm::yaml::ScalarNode &node) {
    llvm::SmallString<64> storage;
    std::string text = node.getValue(storage).str();
    llvm::StringRef raw = node.getRawValue();
    if (raw.starts_with("\"") || raw.starts_with("'")) return text;
    if (text.empty() || text == "~" || text == "null") return nullptr;
    if (text == "true" || text == "false") return text == "true";
    int64_t whole = 0;
    const char *end = text.data() + text.size();
    if (auto found = std::from_chars(text.data(), end, whole); found.ec == std::errc() && found.ptr == end)
      return whole;
    double number = 0;
    bool numeric = text.find_first_not_of("+-.0123456789eE") == std::string::npos;
    if (auto found = std::from_chars(text.data(), end, number); numeric && found.ec == std::errc() && found.ptr == end)
      return number;
    return text;
  }

  std::string where_, syntax_;
  llvm::SourceMgr manager_;
  llvm::yaml::Stream stream_;
};

Result<OrderedJson> parseOrderedJson(const std::string &text, const std::string &where) {
  // The checked reader says what is wrong; the other keeps the order of keys.
  LLC_ASSIGN(Json checked, parseJson(text, where));
  return OrderedJson::parse(text, nullptr, false);
}
}  // namespace

Result<OrderedJson> parseYaml(std::string_view text, const std::string &where) {
  return YamlReader(text, where).read();
}

Result<OrderedJson> readConfig(const std::string &path, std::vector<std::string> &warnings) {
  auto text = readTextFile(path, largestFile);
  if (!text) {
    if (text.error().kind == ErrorKind::notFound)
      text.error().remedy = "make one with llc-model create-config --type tiny -o " + path;
    return std::move(text.error());
  }
  bool yaml = path.ends_with(".yaml") || path.ends_with(".yml");
  LLC_ASSIGN(OrderedJson config, yaml ? parseYaml(*text, path) : parseOrderedJson(*text, path));
  LLC_TRY(checkConfig(config, path, warnings));
  return config;
}

}  // namespace llc::recipe
