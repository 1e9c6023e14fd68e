// Sharding factors and costs from the letters of a program.
#include <map>
#include <set>

#include "dialect/interfaces/derive_internal.h"
#include "dialect/interfaces/interfaces.h"

namespace llc::llm::derive {
namespace {

// One value inside a program: operands, then results, then temporaries.
struct Numbered {
  int number = 0;
  Shape shape;
};
struct Step {
  index::Statement statement;    // concrete
  std::vector<Numbered> values;  // operands, then the result
  index::Extents extents;
};

// Every statement with the numbers and shapes of its values; empty if the program does not fit the op.
std::vector<Step> stepsOf(mlir::Operation *op) {
  auto indexed = mlir::cast<Indexed>(op);
  auto program = indexed.buildProgram();
  if (!program.ok()) return {};
  std::vector<Numbered> operands;
  int next = 0;
  for (mlir::Type type : op->getOperandTypes()) operands.push_back({next++, shapeOf(type)});
  Scope<Numbered> scope = bindOperands<Numbered>(indexed.operandNames(), operands), results;
  for (auto [name, type] : llvm::zip(resultNames(op), op->getResultTypes())) results[name] = {next++, shapeOf(type)};
  std::vector<Step> steps;
  auto step = [&](const index::Statement &concrete, const std::vector<Numbered> &inputs) -> Result<Numbered> {
    std::vector<Shape> shapes;
    for (const Numbered &input : inputs) shapes.push_back(input.shape);
    Numbered value;
    if (auto known = results.find(concrete.name); known != results.end()) {
      value = known->second;
    } else {
      LLC_ASSIGN(value.shape, index::resultShape(concrete, shapes));
      value.number = next++;
    }
    LLC_ASSIGN(index::Extents extents, index::bindLetters(concrete, shapes, &value.shape));
    std::vector<Numbered> values = inputs;
    values.push_back(value);
    steps.push_back({concrete, std::move(values), std::move(extents)});
    return value;
  };
  Status status = runProgram<Numbered>(*program, scope, [](const Numbered &value) { return value.shape; }, step);
  return status.ok() ? steps : std::vector<Step>();
}

// Union-find over (value, dimension): dimensions with the same letter are cut alike.
class Factors {
 public:
  using Place = std::pair<int, int>;

  void addStep(const Step &step) {
    std::map<char, Place> first;
    for (size_t k = 0; k < step.values.size(); ++k) {
      bool isResult = k + 1 == step.values.size();
      std::vector<index::Dimension> items =
          index::dimensions(isResult ? step.statement.output : step.statement.inputs[k]);
      for (size_t d = 0; d < items.size(); ++d)
        addDimension(step, items[d], {step.values[k].number, static_cast<int>(d)}, isResult, first);
    }
    // A letter whose position counts (@i: a label, a mask) would start at 0 again in every part: it can't be cut.
    index::walk(step.statement.body, [&](const index::Expr &part) {
      if (auto known = first.find(part.letter); part.kind == index::Expr::Position && known != first.end())
        whole_.push_back(known->second);
    });
  }
  std::vector<Factor> collect(int operands, int results) {
    std::set<Place> reducing, whole;
    for (Place place : whole_) whole.insert(find(place));
    for (Place place : reduced_) reducing.insert(find(place));
    std::map<Place, Factor> byRoot;
    std::vector<Place> order;
    for (const auto &[place, extent] : extents_) {
      if (place.first >= operands + results) continue;
      Place root = find(place);
      if (whole.count(root)) continue;
      auto [entry, fresh] = byRoot.insert({root, Factor{extent, reducing.count(root) > 0, {}, {}}});
      if (fresh) order.push_back(root);
      Factor &factor = entry->second;
      if (place.first < operands)
        factor.operands.push_back({place.first, place.second});
      else
        factor.results.push_back({place.first - operands, place.second});
    }
    std::vector<Factor> factors;
    for (Place root : order) factors.push_back(byRoot[root]);
    return factors;
  }

 private:
  void addDimension(const Step &step, const index::Dimension &item, Place place, bool isResult,
                    std::map<char, Place> &first) {
    if (!index::isIndexLetter(item.letter)) return;  // affine and indirect dimensions need a halo or the whole table
    extents_.insert({place, step.extents.at(item.letter)});
    parents_.insert({place, place});
    auto [known, fresh] = first.insert({item.letter, place});
    if (!fresh) parents_[find(place)] = find(known->second);
    if (!isResult && step.statement.output.find(item.letter) == std::string::npos) reduced_.push_back(place);
  }
  Place find(Place place) {
    while (parents_.at(place) != place) place = parents_.at(place);
    return place;
  }

  std::map<Place, Place> parents_;
  std::map<Place, int64_t> extents_;
  std::vector<Place> reduced_, whole_;
};

}  // namespace

std::vector<Factor> shardingFactors(mlir::Operation *op) {
  if (!hasProgram(op)) return {};
  Factors factors;
  for (const Step &step : stepsOf(op)) factors.addStep(step);
  return factors.collect(static_cast<int>(op->getNumOperands()), static_cast<int>(op->getNumResults()));
}

double bytesOf(mlir::Type type, const CostQuery &query) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.getElementType().isIntOrFloat()) return 0;
  double elements = 1;
  for (int64_t extent : tensor.getShape())
    elements *= static_cast<double>(extent == index::dynamicExtent ? query.rows : extent);
  return elements * tensor.getElementType().getIntOrFloatBitWidth() / 8.0;
}

Cost cost(mlir::Operation *op, const CostQuery &query) {
  Cost total;
  for (mlir::Type type : op->getOperandTypes()) total.bytes += bytesOf(type, query);
  for (mlir::Type type : op->getResultTypes()) total.bytes += bytesOf(type, query);
  if (!hasProgram(op)) return total;
  for (const Step &step : stepsOf(op)) {
    double points = 1;
    for (const auto &[letter, extent] : step.extents)
      points *= static_cast<double>(extent == index::dynamicExtent ? query.rows : extent);
    total.flops += points * (index::countCalls(step.statement.body) + (step.statement.combiner.empty() ? 0 : 1));
  }
  return total;
}

}  // namespace llc::llm::derive
