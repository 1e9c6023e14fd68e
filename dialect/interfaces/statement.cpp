// Statements: printing, batch expansion, extents of letters, the adjoint.
#include <algorithm>
#include <cassert>

#include "dialect/interfaces/index.h"

namespace llc::index {
namespace {

constexpr size_t mostBatchDimensions = 26;  // A..Z

Error mismatch(const Statement &statement, const std::string &what, const std::string &remedy) {
  return diagnose(ErrorKind::invalidInput, "`" + statement.signature() + "`").says(what).toFix(remedy);
}

std::string extentText(int64_t extent) { return extent == dynamicExtent ? "?" : std::to_string(extent); }

size_t starPlace(const std::vector<Dimension> &items) {
  return std::find_if(items.begin(), items.end(), [](const Dimension &item) { return item.letter == '*'; }) -
         items.begin();
}

std::string expandStar(const std::string &indices, const std::string &letters) {
  size_t star = indices.find('*');
  return star == std::string::npos ? indices : indices.substr(0, star) + letters + indices.substr(star + 1);
}

// Records extent of a letter; two static extents must agree.
Status bindOne(const Statement &statement, Extents &extents, char letter, int64_t extent, const std::string &where) {
  if (letter == '1') {
    if (extent == 1 || extent == dynamicExtent) return success();
    return mismatch(statement, where + " has extent " + extentText(extent) + " where the signature says 1",
                    "use a letter for this dimension");
  }
  auto [place, fresh] = extents.insert({letter, extent});
  if (fresh || place->second == extent || extent == dynamicExtent) return success();
  if (place->second == dynamicExtent) {
    place->second = extent;
    return success();
  }
  return mismatch(statement,
                  std::string("index ") + letter + " is " + extentText(place->second) + " in an earlier operand and " +
                      extentText(extent) + " in " + where,
                  "make the two extents equal");
}

Status bindPlain(const Statement &statement, Extents &extents, const std::string &indices, const Shape &shape,
                 const std::string &where) {
  std::vector<Dimension> items = dimensions(indices);
  if (items.size() != shape.size())
    return mismatch(statement,
                    where + " has rank " + std::to_string(shape.size()) + ", its indices are `" + indices + "`",
                    "give one index per dimension");
  for (size_t d = 0; d < shape.size(); ++d)
    if (items[d].plain()) LLC_TRY(bindOne(statement, extents, items[d].letter, shape[d], where));
  return success();
}

// Solves an affine index for its one unknown letter, so that the largest index stays inside the operand.
void solveAffine(Extents &extents, const Dimension &item, int64_t extent) {
  char unknown = 0;
  int64_t factor = 1, room = extent - 1 - item.offset;
  bool isDynamic = extent == dynamicExtent;
  for (auto [letter, coefficient] : item.terms) {
    auto known = extents.find(letter);
    if (known == extents.end()) {
      if (unknown || coefficient <= 0) return;
      unknown = letter;
      factor = coefficient;
    } else if (known->second == dynamicExtent) {
      isDynamic = true;
    } else if (coefficient > 0) {
      room -= coefficient * (known->second - 1);
    }
  }
  if (unknown) extents[unknown] = isDynamic ? dynamicExtent : room < 0 ? 0 : room / factor + 1;
}

}  // namespace

std::string Statement::signature() const {
  std::string text;
  for (size_t i = 0; i < inputs.size(); ++i) text += (i ? "," : "") + inputs[i];
  return text + "->" + output;
}

std::string Statement::reduced() const {
  std::string letters;
  for (const std::string &indices : inputs)
    for (char c : indices)
      if ((isIndexLetter(c) || c == '*') && output.find(c) == std::string::npos && letters.find(c) == std::string::npos)
        letters += c;
  return letters;
}

std::string print(const Statement &statement) {
  std::string text = (statement.name.empty() ? "y" : statement.name) + "[" + statement.output + "] = ";
  if (!statement.combiner.empty()) text += statement.combiner + "[" + statement.reduced() + "] ";
  text += print(statement.body) + "  (";
  for (size_t i = 0; i < statement.inputs.size(); ++i) {
    std::string name = i < statement.inputNames.size() ? statement.inputNames[i] : std::to_string(i);
    text += (i ? ", " : "") + print(operand(static_cast<int>(i))) + " = " + name + "[" + statement.inputs[i] + "]";
  }
  return text + ")";
}

std::string print(const Program &program) {
  std::string text;
  for (const Statement &statement : program.statements) text += print(statement) + "\n";
  return text;
}

bool scatters(std::string_view output) { return output.find_first_of("({") != std::string_view::npos; }

std::string renumber(std::string_view indices, const std::function<int(int)> &position) {
  std::string result;
  for (size_t i = 0; i < indices.size(); ++i) {
    result += indices[i];
    if (indices[i] != '{') continue;
    size_t close = std::min(indices.find('}', i), indices.size());
    result += std::to_string(position(std::stoi(std::string(indices.substr(i + 1, close - i - 1)))));
    i = close - 1;
  }
  return result;
}

Result<Statement> bindAttributes(const Statement &statement,
                                 const std::function<std::optional<double>(std::string_view)> &lookup) {
  std::string missing;
  Statement bound = statement;
  bound.body = rewrite(statement.body, [&](const ExprPtr &part) -> ExprPtr {
    if (part->kind != Expr::Attribute) return nullptr;
    if (std::optional<double> value = lookup(part->attribute)) return number(*value);
    missing = part->attribute;
    return nullptr;
  });
  if (!missing.empty())
    return mismatch(statement, "attribute " + missing + " is missing", "give the op " + missing + " = number");
  return bound;
}

Result<Statement> instantiate(const Statement &statement, std::span<const Shape> shapes) {
  if (shapes.size() != statement.inputs.size())
    return mismatch(statement,
                    "there are " + std::to_string(shapes.size()) + " operands, the signature has " +
                        std::to_string(statement.inputs.size()),
                    "give one index string per operand");
  std::vector<size_t> batch(shapes.size(), 0), star(shapes.size(), 0);
  size_t batchRank = 0;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<Dimension> items = dimensions(statement.inputs[i]);
    star[i] = starPlace(items);
    bool hasStar = star[i] < items.size();
    size_t fixed = items.size() - hasStar, rank = shapes[i].size();
    if (hasStar ? rank < fixed : rank != fixed)
      return mismatch(statement,
                      "operand " + std::to_string(i) + " has rank " + std::to_string(rank) + ", its indices are `" +
                          statement.inputs[i] + "`",
                      "give one index per dimension");
    batch[i] = rank - fixed;
    batchRank = std::max(batchRank, batch[i]);
  }
  if (batchRank > mostBatchDimensions) return mismatch(statement, "too many batch dimensions", "use at most 26");
  std::vector<bool> stretched(batchRank, false);  // some operand's extent is not 1 there
  for (size_t i = 0; i < shapes.size(); ++i)
    for (size_t d = 0; d < batch[i]; ++d)
      if (shapes[i][star[i] + d] != 1) stretched[batchRank - batch[i] + d] = true;
  Statement concrete = statement;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::string letters;
    for (size_t d = 0; d < batch[i]; ++d) {
      size_t aligned = batchRank - batch[i] + d;
      letters += shapes[i][star[i] + d] == 1 && stretched[aligned] ? '1' : static_cast<char>('A' + aligned);
    }
    concrete.inputs[i] = expandStar(statement.inputs[i], letters);
  }
  std::string all;
  for (size_t d = 0; d < batchRank; ++d) all += static_cast<char>('A' + d);
  concrete.output = expandStar(statement.output, all);
  return concrete;
}

Result<Extents> bindLetters(const Statement &statement, std::span<const Shape> shapes, const Shape *result) {
  Extents extents;
  for (size_t i = 0; i < shapes.size(); ++i)
    LLC_TRY(bindPlain(statement, extents, statement.inputs[i], shapes[i], "operand " + std::to_string(i)));
  if (result) LLC_TRY(bindPlain(statement, extents, statement.output, *result, "the result"));
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<Dimension> items = dimensions(statement.inputs[i]);
    for (size_t d = 0; d < shapes[i].size(); ++d)
      if (items[d].affine()) solveAffine(extents, items[d], shapes[i][d]);
  }
  return extents;
}

Result<Shape> resultShape(const Statement &statement, std::span<const Shape> shapes) {
  LLC_ASSIGN(Extents extents, bindLetters(statement, shapes));
  Shape shape;
  if (scatters(statement.output))
    for (size_t i = 0; i < shapes.size(); ++i)
      if (statement.inputs[i] == statement.output) return shapes[i];
  for (const Dimension &item : dimensions(statement.output)) {
    if (item.letter == '1') {
      shape.push_back(1);
      continue;
    }
    auto known = item.plain() ? extents.find(item.letter) : extents.end();
    if (known == extents.end())
      return mismatch(statement, "the extent of a result dimension follows from no operand",
                      "use llm.generic, whose result type is written");
    shape.push_back(known->second);
  }
  return shape;
}

}  // namespace llc::index
