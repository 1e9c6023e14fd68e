// Reference evaluation of one statement in double. Two-operand contractions go through Eigen; all else runs as a small
// stack program over blocks of the innermost index.
#include <Eigen/Core>
#include <algorithm>
#include <cassert>

#include "dialect/interfaces/index.h"

namespace llc::index {
namespace {

constexpr int64_t mostElements = int64_t{1} << 33;  // 64 GiB of double: beyond this a reference run is a mistake
constexpr int64_t blockSize = 256;

Result<int64_t> checkedSize(const Shape &shape) {
  int64_t size = 1;
  for (int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && size > mostElements / extent))
      return diagnose(ErrorKind::resource, "reference evaluation")
          .says("a tensor is too large or its shape unknown")
          .toFix("evaluate a smaller model or shorter input");
    size *= extent;
  }
  return size;
}

std::vector<int64_t> rowMajorStrides(const Shape &shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

// How one operand (or the result) is addressed from the loop indices.
struct Access {
  std::vector<int64_t> loopStrides;  // per loop letter: the plain part
  struct Checked {                   // a dimension that needs a bounds check
    int64_t stride = 1, extent = 0, offset = 0;
    std::vector<std::pair<int, int64_t>> terms;  // loop position, coefficient
    int indirect = -1;
  };
  std::vector<Checked> checked;
};

struct Instruction {
  enum Kind { Constant, Load, Position, Add, Subtract, Multiply, Divide, Negate, Call } kind = Constant;
  double number = 0;
  int which = 0;  // operand or loop position
  const ScalarFunction *function = nullptr;
};

class Evaluator {
 public:
  Evaluator(const Statement &statement, std::span<const Tensor> operands, Extents extents, Shape shape)
      : operands_(operands), extents_(std::move(extents)), shape_(std::move(shape)) {
    for (const Dimension &item : dimensions(statement.output)) addLoops(item);
    for (char letter : statement.reduced()) addLoop(letter);
    scattered_ = scatters(statement.output);
    combiner_ = statement.combiner.empty() ? nullptr : findCombiner(statement.combiner);
    combine_ = combiner_ ? findScalar(combiner_->function) : nullptr;
    for (size_t i = 0; i < operands.size(); ++i)
      accesses_.push_back(accessOf(statement.inputs[i], operands[i].shape()));
    result_ = accessOf(statement.output, shape_);
    compile(*statement.body);
  }

  Result<Tensor> run() {
    Tensor out(shape_, combiner_ ? combiner_->identity : 0);
    for (char letter : letters_)
      if (extents_.at(letter) == 0) return out;
    values_ = out.mutableValues();
    at_.assign(letters_.size() + 1, 0);
    stack_.assign(deepest_, std::vector<double>(blockSize));
    const int inner = static_cast<int>(letters_.size()) - 1;
    const int64_t extent = inner < 0 ? 1 : extents_.at(letters_[inner]);
    do {
      for (int64_t start = 0; start < extent; start += blockSize) {
        if (inner >= 0) at_[inner] = start;
        block(inner, std::min(blockSize, extent - start));
      }
    } while (advance(inner));
    return out;
  }

 private:
  void addLoop(char letter) {
    if (std::find(letters_.begin(), letters_.end(), letter) == letters_.end()) letters_.push_back(letter);
  }
  void addLoops(const Dimension &item) {
    if (item.plain() && item.letter != '1') addLoop(item.letter);
    for (auto [letter, coefficient] : item.terms) addLoop(letter);
  }
  int loopOf(char letter) const {
    return static_cast<int>(std::find(letters_.begin(), letters_.end(), letter) - letters_.begin());
  }
  Access accessOf(const std::string &indices, const Shape &shape) const {
    Access access;
    access.loopStrides.assign(letters_.size(), 0);
    std::vector<int64_t> strides = rowMajorStrides(shape);
    std::vector<Dimension> items = dimensions(indices);
    for (size_t d = 0; d < items.size(); ++d) {
      if (items[d].plain()) {
        if (items[d].letter != '1') access.loopStrides[loopOf(items[d].letter)] += strides[d];
        continue;
      }
      Access::Checked check{strides[d], shape[d], items[d].offset, {}, items[d].indirect};
      for (auto [letter, coefficient] : items[d].terms) check.terms.emplace_back(loopOf(letter), coefficient);
      access.checked.push_back(std::move(check));
    }
    return access;
  }
  // Postfix code; returns the depth of the stack it needs.
  int compile(const Expr &expr, int depth = 0) {
    int place = depth;
    for (const ExprPtr &argument : expr.arguments) compile(*argument, place++);
    deepest_ = std::max(deepest_, static_cast<size_t>(std::max(place, depth + 1)));
    Instruction instruction;
    switch (expr.kind) {
      case Expr::Number:
        instruction.number = expr.number;
        break;
      case Expr::Extent:
        instruction.number = static_cast<double>(extents_.at(expr.letter));
        break;
      case Expr::Attribute:
        assert(false && "attributes are bound before evaluation");
        break;
      case Expr::Operand:
        instruction.kind = Instruction::Load, instruction.which = expr.operand;
        break;
      case Expr::Position:
        instruction.kind = Instruction::Position, instruction.which = loopOf(expr.letter);
        break;
      case Expr::Call:
        instruction.kind = kindOf(expr.function->name), instruction.function = expr.function;
        break;
    }
    code_.push_back(instruction);
    return depth;
  }
  static Instruction::Kind kindOf(std::string_view name) {
    if (name == "add") return Instruction::Add;
    if (name == "sub") return Instruction::Subtract;
    if (name == "mul") return Instruction::Multiply;
    if (name == "div") return Instruction::Divide;
    if (name == "neg") return Instruction::Negate;
    return Instruction::Call;
  }
  // The offset at the current indices, or -1 when a checked index is out of range.
  int64_t offsetOf(const Access &access) const {
    int64_t offset = 0;
    for (size_t l = 0; l < letters_.size(); ++l) offset += access.loopStrides[l] * at_[l];
    for (const Access::Checked &check : access.checked) {
      int64_t index = check.offset;
      for (auto [loop, coefficient] : check.terms) index += coefficient * at_[loop];
      if (check.indirect >= 0) {
        int64_t source = offsetOf(accesses_[check.indirect]);
        if (source < 0) return -1;
        double value = operands_[check.indirect].values()[source];
        if (!(value >= 0 && value < static_cast<double>(check.extent))) return -1;  // NaN too
        index = static_cast<int64_t>(value);
      }
      if (index < 0 || index >= check.extent) return -1;
      offset += index * check.stride;
    }
    return offset;
  }
  bool advance(int inner) {
    for (int loop = inner - 1; loop >= 0; --loop) {
      if (++at_[loop] < extents_.at(letters_[loop])) return true;
      at_[loop] = 0;
    }
    return false;
  }
  void load(int which, int inner, int64_t count, double *into) {
    const Access &access = accesses_[which];
    const double *source = operands_[which].values().data();
    if (access.checked.empty()) {
      int64_t offset = offsetOf(access), stride = inner < 0 ? 0 : access.loopStrides[inner];
      for (int64_t j = 0; j < count; ++j) into[j] = source[offset + j * stride];
      return;
    }
    int64_t start = inner < 0 ? 0 : at_[inner];
    for (int64_t j = 0; j < count; ++j) {
      if (inner >= 0) at_[inner] = start + j;
      int64_t offset = offsetOf(access);
      into[j] = offset < 0 ? 0 : source[offset];
    }
    if (inner >= 0) at_[inner] = start;
  }
  void execute(const Instruction &step, int inner, int64_t count, size_t &top) {
    auto binary = [&](auto function) {
      double *left = stack_[top - 2].data(), *right = stack_[top - 1].data();
      for (int64_t j = 0; j < count; ++j) left[j] = function(left[j], right[j]);
      --top;
    };
    switch (step.kind) {
      case Instruction::Constant:
        std::fill_n(stack_[top++].data(), count, step.number);
        return;
      case Instruction::Load:
        load(step.which, inner, count, stack_[top++].data());
        return;
      case Instruction::Position:
        for (int64_t j = 0; j < count; ++j)
          stack_[top][j] = static_cast<double>(at_[step.which] + (step.which == inner ? j : 0));
        ++top;
        return;
      case Instruction::Add:
        return binary([](double a, double b) { return a + b; });
      case Instruction::Subtract:
        return binary([](double a, double b) { return a - b; });
      case Instruction::Multiply:
        return binary([](double a, double b) { return a * b; });
      case Instruction::Divide:
        return binary([](double a, double b) { return a / b; });
      case Instruction::Negate:
        for (int64_t j = 0; j < count; ++j) stack_[top - 1][j] = -stack_[top - 1][j];
        return;
      case Instruction::Call:
        return callFunction(*step.function, count, top);
    }
  }
  void callFunction(const ScalarFunction &function, int64_t count, size_t &top) {
    size_t first = top - function.arity;
    for (int64_t j = 0; j < count; ++j) {
      double arguments[3] = {};
      for (int i = 0; i < function.arity; ++i) arguments[i] = stack_[first + i][j];
      stack_[first][j] = function.evaluate(arguments);
    }
    top = first + 1;
  }
  void block(int inner, int64_t count) {
    size_t top = 0;
    for (const Instruction &step : code_) execute(step, inner, count, top);
    store(inner, count, stack_[0].data());
  }
  void store(int inner, int64_t count, const double *from) {
    int64_t start = inner < 0 ? 0 : at_[inner];
    if (scattered_) {
      for (int64_t j = 0; j < count; ++j) {
        if (inner >= 0) at_[inner] = start + j;
        if (int64_t offset = offsetOf(result_); offset >= 0) accumulate(values_[offset], from[j]);
      }
      if (inner >= 0) at_[inner] = start;
      return;
    }
    int64_t offset = offsetOf(result_), stride = inner < 0 ? 0 : result_.loopStrides[inner];
    for (int64_t j = 0; j < count; ++j) accumulate(values_[offset + j * stride], from[j]);
  }
  void accumulate(double &into, double value) {
    if (!combine_) {
      into = value;
      return;
    }
    double arguments[2] = {into, value};
    into = combine_->evaluate(arguments);
  }

  std::span<const Tensor> operands_;
  Extents extents_;
  Shape shape_;
  std::vector<char> letters_;  // loop order: result letters, then reduced ones
  bool scattered_ = false;
  const Combiner *combiner_ = nullptr;
  const ScalarFunction *combine_ = nullptr;
  std::vector<Access> accesses_;
  Access result_;
  std::vector<Instruction> code_;
  size_t deepest_ = 1;
  std::vector<int64_t> at_;
  std::vector<std::vector<double>> stack_;
  std::span<double> values_;
};

// ---- contractions as matrix products
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct ContractionLetters {
  std::string batch, left, right, reduced;
};

// The letter groups of y = sum a*b when every index is a plain letter and every letter has a place in a (batched)
// matrix product; nullopt when the general evaluator must run.
std::optional<ContractionLetters> contractionOf(const Statement &statement) {
  if (statement.combiner != "sum" || statement.inputs.size() != 2) return std::nullopt;
  std::string body = print(statement.body);
  if (body != "a*b" && body != "b*a") return std::nullopt;
  const std::string &a = statement.inputs[0], &b = statement.inputs[1], &out = statement.output;
  if ((a + b + out).find_first_of("1*({") != std::string::npos) return std::nullopt;
  auto has = [](const std::string &text, char c) { return text.find(c) != std::string::npos; };
  ContractionLetters groups;
  for (char c : out) {
    if (has(a, c) && has(b, c))
      groups.batch += c;
    else if (has(a, c))
      groups.left += c;
    else if (has(b, c))
      groups.right += c;
    else
      return std::nullopt;
  }
  for (char c : a) {
    if (has(out, c)) continue;
    if (!has(b, c)) return std::nullopt;
    groups.reduced += c;
  }
  for (char c : b)
    if (!has(out, c) && !has(a, c)) return std::nullopt;
  return groups;
}

int64_t product(const std::string &letters, const Extents &extents) {
  int64_t size = 1;
  for (char c : letters) size *= extents.at(c);
  return size;
}

Tensor permuted(const Tensor &tensor, const std::string &from, const std::string &to, const Extents &extents) {
  if (from == to) return tensor;
  Result<Statement> statement = makeStatement(from + "->" + to, "a", "");
  Shape shape;
  for (char c : to) shape.push_back(extents.at(c));
  return *Evaluator(*statement, std::span(&tensor, 1), extents, shape).run();
}

Tensor contract(const Statement &statement, std::span<const Tensor> operands, const ContractionLetters &groups,
                const Extents &extents) {
  Tensor left = permuted(operands[0], statement.inputs[0], groups.batch + groups.left + groups.reduced, extents);
  // The second operand is used as it lies when its reduced letters come last: Eigen multiplies by the transpose.
  bool transposed = statement.inputs[1] == groups.batch + groups.right + groups.reduced;
  std::string order = transposed ? statement.inputs[1] : groups.batch + groups.reduced + groups.right;
  Tensor right = permuted(operands[1], statement.inputs[1], order, extents);
  int64_t m = product(groups.left, extents), n = product(groups.right, extents), k = product(groups.reduced, extents);
  std::string resultOrder = groups.batch + groups.left + groups.right;
  Shape shape;
  for (char c : resultOrder) shape.push_back(extents.at(c));
  Tensor out(shape);
  for (int64_t batch = 0, count = product(groups.batch, extents); batch < count; ++batch) {
    Eigen::Map<const Matrix> a(left.values().data() + batch * m * k, m, k);
    Eigen::Map<const Matrix> b(right.values().data() + batch * k * n, transposed ? n : k, transposed ? k : n);
    Eigen::Map<Matrix> y(out.mutableValues().data() + batch * m * n, m, n);
    if (transposed)
      y.noalias() = a * b.transpose();
    else
      y.noalias() = a * b;
  }
  return permuted(out, resultOrder, statement.output, extents);
}

// Letters, then the given result shape, then an operand with the result's own indices (a scatter into its shape).
Result<Shape> shapeOfResult(const Statement &statement, std::span<const Tensor> operands, const Extents &extents,
                            const Shape *given) {
  Shape shape;
  std::vector<Dimension> items = dimensions(statement.output);
  for (size_t d = 0; d < items.size(); ++d) {
    auto known = items[d].plain() ? extents.find(items[d].letter) : extents.end();
    int64_t extent = items[d].letter == '1'   ? 1
                     : known != extents.end() ? known->second
                     : given                  ? (*given)[d]
                                              : dynamicExtent;
    for (size_t i = 0; i < operands.size() && extent == dynamicExtent; ++i)
      if (statement.inputs[i] == statement.output) extent = operands[i].shape()[d];
    if (extent == dynamicExtent)
      return diagnose(ErrorKind::invalidInput, "`" + statement.signature() + "`")
          .says("the extent of a result dimension follows from no operand")
          .toFix("give the result's shape");
    shape.push_back(extent);
  }
  return shape;
}

}  // namespace

Result<Tensor> evaluate(const Statement &statement, std::span<const Tensor> operands, const Shape *result) {
  std::vector<Shape> shapes;
  for (const Tensor &tensor : operands) shapes.push_back(tensor.shape());
  LLC_ASSIGN(Extents extents, bindLetters(statement, shapes, result));
  for (const auto &[letter, extent] : extents)
    if (extent < 0)
      return diagnose(ErrorKind::internal, "`" + statement.signature() + "`")
          .says("an extent is unknown")
          .toFix("evaluate with concrete shapes");
  for (const std::string &indices : statement.inputs)
    for (char c : indices)
      if (isIndexLetter(c) && !extents.count(c))
        return diagnose(ErrorKind::invalidInput, "`" + statement.signature() + "`")
            .says(std::string("index ") + c + " is bound by no operand")
            .toFix("give an operand or result that has it alone");
  LLC_ASSIGN(Shape shape, shapeOfResult(statement, operands, extents, result));
  LLC_TRY(checkedSize(shape));
  if (std::optional<ContractionLetters> groups = contractionOf(statement))
    return contract(statement, operands, *groups, extents);
  return Evaluator(statement, operands, std::move(extents), std::move(shape)).run();
}

}  // namespace llc::index
