#include "runtime/corpus/parquet/schema.h"

#include "runtime/text/utf8.h"

namespace llc::corpus::parquet {

namespace {
// The numbers of parquet.thrift.
enum Repetition { required, optional, repeatedValue };
enum Converted { mapType = 1, mapKeyValue = 2, listType = 3, decimalType = 5, firstUnsigned = 11, lastUnsigned = 14 };
enum Logical { logicalMap = 2, logicalList = 3, logicalDecimal = 5 };
constexpr int maxSchemaDepth = 64;

bool isList(const SchemaElement &element) { return element.converted == listType || element.logical == logicalList; }
bool isMap(const SchemaElement &element) {
  return element.converted == mapType || element.converted == mapKeyValue || element.logical == logicalMap;
}

class SchemaReader {
 public:
  SchemaReader(const std::vector<SchemaElement> &elements, const std::string &path, Metadata &metadata)
      : elements_(elements), file_(path), metadata_(metadata) {}

  Status read() {
    if (elements_.empty() || elements_[0].children < 1) return broken("names no column");
    LLC_TRY(content(metadata_.root, take(), {}, ""));
    return at_ == elements_.size() ? success() : broken("has columns that belong to nothing");
  }

 private:
  struct Levels {
    uint32_t definition = 0, repetition = 0;
    int depth = 0;
    Levels inItem() const { return {definition + 1, repetition + 1, depth + 1}; }
  };
  Error broken(const std::string &what) const {
    return diagnose(ErrorKind::invalidInput, file_)
        .says("the schema of the Parquet file is broken: it " + what)
        .toFix("copy it again from its source");
  }
  const SchemaElement &take() { return elements_[at_++]; }

  // The next element with all below it.
  Status field(Node &node, Levels levels, const std::string &parent) {
    if (at_ >= elements_.size()) return broken("ends in the middle");
    const SchemaElement &element = take();
    std::string path = parent.empty() ? element.name : parent + "." + element.name;
    if (!text::validUtf8(element.name)) return broken("has a name that is no valid UTF-8");
    if (element.repetition == repeatedValue) {
      node.kind = Node::Kind::list;
      node.name = element.name;
      node.defined = levels.definition;
      node.filled = levels.definition + 1;
      node.repeated = levels.repetition + 1;
      return items(node, [&](Node &item) { return content(item, element, levels.inItem(), path); });
    }
    levels.definition += element.repetition == optional;
    return content(node, element, levels, path);
  }

  // What an element is beside being optional or repeated.
  Status content(Node &node, const SchemaElement &element, Levels levels, const std::string &path) {
    if (++levels.depth > maxSchemaDepth) return broken(fmt::format("is nested deeper than {}", maxSchemaDepth));
    node.name = element.name;
    node.defined = levels.definition;
    node.firstLeaf = metadata_.leaves.size();
    bool wraps = element.children == 1 && at_ < elements_.size() && elements_[at_].repetition == repeatedValue;
    Status status = element.children == 0      ? leaf(element, levels, path)
                    : wraps && isList(element) ? list(node, levels, path)
                    : wraps && isMap(element)  ? map(node, levels, path)
                                               : object(node, element.children, levels, path);
    node.leaves = metadata_.leaves.size() - node.firstLeaf;
    return status;
  }

  Status leaf(const SchemaElement &element, Levels levels, const std::string &path) {
    if (element.type < 0 || element.type > int64_t(Type::fixedBytes)) return broken("gives '" + path + "' no type");
    bool isUnsigned = !element.isSigned || (element.converted >= firstUnsigned && element.converted <= lastUnsigned);
    bool isDecimal = element.converted == decimalType || element.logical == logicalDecimal;
    metadata_.leaves.push_back({path, Type(element.type), isUnsigned, isDecimal, levels.definition, levels.repetition});
    return success();
  }

  Status object(Node &node, int64_t children, Levels levels, const std::string &path) {
    node.kind = Node::Kind::object;
    if (children < 0 || uint64_t(children) > elements_.size() - at_) return broken("ends in the middle");
    for (int64_t i = 0; i < children; ++i) {
      Node child;
      LLC_TRY(field(child, levels, path));
      node.children.push_back(std::move(child));
    }
    std::vector<std::string_view> names;
    for (const Node &child : node.children) names.push_back(child.name);
    std::sort(names.begin(), names.end());
    if (auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      return broken(fmt::format("names two columns '{}'", *twice));
    return success();
  }

  template <class Item>
  Status items(Node &node, Item &&readItem) {
    node.firstLeaf = metadata_.leaves.size();
    Node item;
    LLC_TRY(readItem(item));
    node.children.push_back(std::move(item));
    node.leaves = metadata_.leaves.size() - node.firstLeaf;
    return success();
  }

  // A list has a repeated group around its items, which may be null then; or, in older files, the items are what is
  // repeated (the rules are those of LogicalTypes.md).
  Status list(Node &node, Levels levels, const std::string &path) {
    const SchemaElement &repeated = take();
    if (!text::validUtf8(repeated.name)) return broken("has a name that is no valid UTF-8");
    node.kind = Node::Kind::list;
    node.filled = levels.definition + 1;
    node.repeated = levels.repetition + 1;
    bool isItem = repeated.children != 1 || repeated.name == "array" || repeated.name == node.name + "_tuple" ||
                  (at_ < elements_.size() && elements_[at_].repetition == repeatedValue);
    std::string inside = path + "." + repeated.name;
    return items(node, [&](Node &item) {
      return isItem ? content(item, repeated, levels.inItem(), inside) : field(item, levels.inItem(), inside);
    });
  }

  Status map(Node &node, Levels levels, const std::string &path) {
    const SchemaElement &repeated = take();
    node.kind = Node::Kind::map;
    node.filled = levels.definition + 1;
    node.repeated = levels.repetition + 1;
    for (int64_t i = 0; i < repeated.children; ++i) {
      Node child;
      LLC_TRY(field(child, levels.inItem(), path + "." + repeated.name));
      node.children.push_back(std::move(child));
    }
    bool textKeys = node.children.size() == 2 && node.children[0].kind == Node::Kind::value &&
                    metadata_.leaves[node.children[0].firstLeaf].type == Type::bytes;
    if (textKeys) return success();
    return diagnose(ErrorKind::unsupported, file_)
        .says("column '" + path + "' is a map whose keys are no texts")
        .toFix(dropRemedy);
  }

  const std::vector<SchemaElement> &elements_;
  const std::string &file_;
  Metadata &metadata_;
  size_t at_ = 0;
};
}  // namespace

Status readSchema(const std::vector<SchemaElement> &elements, const std::string &path, Metadata &metadata) {
  return SchemaReader(elements, path, metadata).read();
}

}  // namespace llc::corpus::parquet
