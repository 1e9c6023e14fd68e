#include "runtime/corpus/parquet/rows.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/base/memory.h"
#include "runtime/text/utf8.h"

namespace llc::corpus::parquet {

namespace {
using nlohmann::json;

Bytes bytesOf(const MappedFile &file) {
  return {reinterpret_cast<const uint8_t *>(file.bytes().data()), file.bytes().size()};
}

// 0.1, where the nearest double to the float would be 0.10000000149.
double shortest(float value) {
  char text[32];
  auto written = std::to_chars(text, text + sizeof(text), value);
  double result = value;
  std::from_chars(text, written.ptr, result);
  return result;
}
}  // namespace

Rows::Rows(MappedFile file, Metadata metadata, uint64_t maxRowBytes)
    : file_(std::move(file)), metadata_(std::move(metadata)), maxRowBytes_(maxRowBytes) {
  columns_.reserve(metadata_.leaves.size());
  for (const Leaf &leaf : metadata_.leaves) columns_.emplace_back(bytesOf(file_), file_.path(), leaf, memory_);
  for (const RowGroup &group : metadata_.groups) rows_ += uint64_t(group.rows);
}

Result<std::unique_ptr<Rows>> Rows::open(const std::string &path, const std::vector<std::string> &names,
                                         uint64_t maxRowBytes) {
  LLC_ASSIGN(MappedFile file, MappedFile::open(path));
  LLC_ASSIGN(Metadata metadata, readMetadata(bytesOf(file), path));
  std::unique_ptr<Rows> rows(new Rows(std::move(file), std::move(metadata), maxRowBytes));
  LLC_TRY(rows->choose(names));
  return rows;
}

Status Rows::choose(const std::vector<std::string> &names) {
  std::vector<Node> &all = metadata_.root.children;
  for (const Node &node : all)
    if (std::ranges::find(names, node.name) != names.end()) chosen_.push_back(node);
  if (chosen_.empty()) chosen_ = std::move(all);
  return checkTypes();
}

Status Rows::checkTypes() const {
  for (const Node &node : chosen_)
    for (size_t i = node.firstLeaf; i < node.firstLeaf + node.leaves; ++i) {
      const Leaf &leaf = metadata_.leaves[i];
      bool isText = leaf.type == Type::bytes && !leaf.isDecimal;
      if (isText || (leaf.type != Type::bytes && leaf.type != Type::int96 && leaf.type != Type::fixedBytes)) continue;
      return diagnose(ErrorKind::unsupported, file_.path())
          .says(fmt::format("column '{}' is of type {}{}, which is not read", leaf.path, nameOf(leaf.type),
                            leaf.isDecimal ? " (decimal)" : ""))
          .toFix(std::string("name the columns that are needed (--field a,b), or ") + dropRemedy);
    }
  return success();
}

uint64_t Rows::consumed() const {
  if (rows_ == 0 || uint64_t(number_) >= rows_) return file_.size();
  return uint64_t(double(file_.size()) * (double(number_) / double(rows_)));
}

Result<bool> Rows::openGroup() {
  while (leftInGroup_ == 0) {
    if (group_ == metadata_.groups.size()) return false;
    const RowGroup &group = metadata_.groups[group_++];
    leftInGroup_ = group.rows;
    for (const Node &node : chosen_)
      for (size_t i = node.firstLeaf; i < node.firstLeaf + node.leaves; ++i)
        LLC_TRY(columns_[i].open(group.columns[i], group_));
    if (leftInGroup_ == 0) LLC_TRY(checkRow(true));
  }
  return true;
}

// Between rows every column begins one, or has ended with the group.
Status Rows::checkRow(bool isOver) const {
  for (const Node &node : chosen_)
    for (size_t i = node.firstLeaf; i < node.firstLeaf + node.leaves; ++i) {
      const Column &column = columns_[i];
      if (column.atEnd() != isOver)
        return column.broken(isOver ? "it has more rows than others" : "it has too few rows");
      if (!isOver && column.repetition() != 0) return column.broken("a list goes on where a row begins");
    }
  return success();
}

Result<bool> Rows::next(json &row, std::string &why) {
  LLC_ASSIGN(bool more, openGroup());
  if (!more) return false;
  LLC_TRY(checkRow(false));
  row = json::object();
  why_.clear();
  spent_ = 0;
  ++number_;
  for (const Node &node : chosen_) {
    json value;
    LLC_TRY(read(node, value));
    if (spend(node.name.size() + 4)) row[node.name] = std::move(value);
  }
  if (--leftInGroup_ == 0) LLC_TRY(checkRow(true));
  why = why_;
  return true;
}

// Whether there is room for so many bytes more, as JSON. A row that can't be used is read on, but not kept.
bool Rows::spend(uint64_t bytes) {
  spent_ += bytes;
  if (spent_ > maxRowBytes_ && why_.empty()) why_ = fmt::format("is longer than {}", humanBytes(maxRowBytes_));
  return why_.empty();
}

Status Rows::read(const Node &node, json &value) {
  Column &first = columns_[node.firstLeaf];
  if (first.atEnd()) return first.broken("it ends within a row");
  if (node.kind == Node::Kind::value) return readValue(first, node, value);
  spend(4);
  if (first.definition() < node.defined) return skipNull(node, node.defined);
  return node.kind == Node::Kind::object ? readObject(node, value) : readItems(node, value);
}

Status Rows::readValue(Column &column, const Node &node, json &value) {
  if (column.definition() == column.leaf().definition) {
    value = valueOf(column);
  } else {
    if (column.definition() >= node.defined) return column.broken("its levels differ from the schema");
    spend(4);
  }
  return column.advance();
}

Status Rows::readObject(const Node &node, json &value) {
  value = json::object();
  for (const Node &child : node.children) {
    json inside;
    LLC_TRY(read(child, inside));
    if (spend(child.name.size() + 4)) value[child.name] = std::move(inside);
  }
  return success();
}

// All columns below have one entry that says what is not there.
Status Rows::skipNull(const Node &node, uint32_t defined) {
  for (size_t i = node.firstLeaf; i < node.firstLeaf + node.leaves; ++i) {
    Column &column = columns_[i];
    if (column.atEnd() || column.definition() >= defined)
      return column.broken(fmt::format("it differs from '{}' in what is null", columns_[node.firstLeaf].leaf().path));
    LLC_TRY(column.advance());
  }
  return success();
}

Status Rows::readItems(const Node &node, json &value) {
  value = node.kind == Node::Kind::map ? json::object() : json::array();
  const Column &first = columns_[node.firstLeaf];
  if (first.definition() < node.filled) return skipNull(node, node.filled);
  for (bool more = true; more;) {
    LLC_TRY(addItem(node, value));
    more = !first.atEnd() && first.repetition() == node.repeated;
    for (size_t i = node.firstLeaf; i < node.firstLeaf + node.leaves; ++i) {
      const Column &column = columns_[i];
      bool goesOn = !column.atEnd() && column.repetition() == node.repeated;
      if (goesOn != more || (!column.atEnd() && column.repetition() > node.repeated))
        return column.broken("its lists differ from those of other columns");
    }
  }
  return success();
}

Status Rows::addItem(const Node &node, json &value) {
  json item;
  LLC_TRY(read(node.children[0], item));
  if (node.kind == Node::Kind::list) {
    if (spend(1)) value.push_back(std::move(item));
    return success();
  }
  json content;
  bool isText = item.is_string();
  LLC_TRY(read(node.children[1], content));
  if (!spend(2)) return success();
  if (!isText) return columns_[node.firstLeaf].broken("a map has a key that is null");
  value[item.get_ref<const std::string &>()] = std::move(content);
  return success();
}

json Rows::valueOf(const Column &column) {
  const Cell &cell = column.cell();
  const Leaf &leaf = column.leaf();
  if (!spend(leaf.type == Type::bytes ? cell.text.size() + 2 : 4)) return nullptr;
  switch (leaf.type) {
    case Type::boolean:
      return cell.integer != 0;
    case Type::int32:
      return leaf.isUnsigned ? json(uint32_t(cell.integer)) : json(cell.integer);
    case Type::int64:
      return leaf.isUnsigned ? json(uint64_t(cell.integer)) : json(cell.integer);
    case Type::float32:
      return std::isfinite(cell.number) ? json(shortest(float(cell.number))) : json(nullptr);
    case Type::float64:
      return std::isfinite(cell.number) ? json(cell.number) : json(nullptr);
    default:
      break;
  }
  if (text::validUtf8(cell.text)) return std::string(cell.text);
  why_ = "column '" + leaf.path + "' is no valid UTF-8";
  return nullptr;
}

}  // namespace llc::corpus::parquet
