// Attention over the cache by hand, in plain loops. The dense form is in attention_dense.cpp.
#include <algorithm>
#include <cmath>

#include "dialect/ops/attention_values.h"
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"

#define GET_OP_CLASSES
#include "dialect/ops/attention.cpp.inc"

namespace llc::llm {
namespace {
constexpr int64_t longestSequence = int64_t{1} << 24;  // tokens: a wild position must not allocate all memory
}  // namespace
using namespace attention;
using mlir::RankedTensorType;
using Types = llvm::SmallVector<mlir::Type>;

void LlmDialect::addAttentionOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/attention.cpp.inc"
      >();
}

// ---- cache_layer
llvm::LogicalResult CacheLayerOp::verify() {
  if (static_cast<int64_t>(getLayer()) >= 0) return mlir::success();
  return emitOpError() << "has layer " << static_cast<int64_t>(getLayer()) << "; to fix: layers count from 0";
}

llvm::LogicalResult CacheLayerOp::evaluate(llvm::ArrayRef<Datum>, Environment &environment,
                                           llvm::SmallVectorImpl<Datum> &results) {
  auto type = mlir::cast<KvType>(getType());
  std::shared_ptr<Cache> &cache = environment.caches[getLayer()];
  if (!cache) {
    cache = std::make_shared<Cache>();
    cache->heads = type.getKvHeads();
    cache->keyDim = type.getKeyDim();
    cache->valueDim = type.getValueDim();
  }
  if (cache->heads != type.getKvHeads() || cache->keyDim != type.getKeyDim() || cache->valueDim != type.getValueDim())
    return emitOpError() << "names layer " << getLayer() << " as " << type
                         << ", an earlier op gave it other sizes; to fix: give each layer one cache type";
  results.push_back(cache);
  return mlir::success();
}
llvm::LogicalResult CacheLayerOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it names a cache");
}
std::vector<Factor> CacheLayerOp::shardingFactors() {
  return {{mlir::cast<KvType>(getType()).getKvHeads(), false, {}, {{0, 0}}}};
}
Cost CacheLayerOp::cost(const CostQuery &) { return {}; }

// ---- cache_append
Result<Types> CacheAppendOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr) {
  return Types{operands[0].getType()};
}

llvm::LogicalResult CacheAppendOp::verify() {
  auto cache = mlir::cast<KvType>(getKv().getType());
  auto check = [&](mlir::Value value, int64_t dim, const char *name) -> llvm::LogicalResult {
    auto type = tensorType(value);
    if (type.getRank() == 3 && type.getDimSize(1) == cache.getKvHeads() && type.getDimSize(2) == dim)
      return mlir::success();
    return emitOpError() << name << " is " << type << ", the cache " << cache << " takes [rows, " << cache.getKvHeads()
                         << ", " << dim << "]; to fix: reshape it or correct the cache type";
  };
  if (mlir::failed(check(getK(), cache.getKeyDim(), "k"))) return mlir::failure();
  return check(getV(), cache.getValueDim(), "v");
}

llvm::LogicalResult CacheAppendOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &environment,
                                            llvm::SmallVectorImpl<Datum> &results) {
  const std::shared_ptr<Cache> &cache = operands[0].cache;
  const Batch &batch = *operands[3].batch;
  mlir::Type element = mlir::cast<KvType>(getKv().getType()).getElementType();
  Tensor k = operands[1].tensor, v = operands[2].tensor;
  if (environment.roundToType) k = roundedTo(element, k), v = roundedTo(element, v);
  int64_t keySize = cache->heads * cache->keyDim, valueSize = cache->heads * cache->valueDim;
  if (k.shape()[0] != static_cast<int64_t>(batch.positions.size()) || v.shape()[0] != k.shape()[0])
    return emitOpError(
        "has keys or values for another number of rows than the batch; to fix: pass the step's own batch");
  for (size_t row = 0; row < batch.positions.size(); ++row) {
    if (batch.positions[row] < 0 || batch.positions[row] > longestSequence)
      return emitOpError() << "got position " << batch.positions[row]
                           << "; to fix: positions count from 0 in each sequence";
    std::vector<Cache::Slot> &slots = cache->sequences[batch.sequenceOf[row]];
    size_t position = static_cast<size_t>(batch.positions[row]);
    if (slots.size() <= position) slots.resize(position + 1);
    const double *key = k.values().data() + row * keySize, *value = v.values().data() + row * valueSize;
    slots[position] = {std::vector<double>(key, key + keySize), std::vector<double>(value, value + valueSize)};
  }
  results.push_back(cache);
  return mlir::success();
}
llvm::LogicalResult CacheAppendOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it writes a cache");
}
std::vector<Factor> CacheAppendOp::shardingFactors() {
  return {{mlir::cast<KvType>(getKv().getType()).getKvHeads(), false, {{0, 0}, {1, 1}, {2, 1}}, {{0, 0}}}};
}
Cost CacheAppendOp::cost(const CostQuery &query) {
  return {0, 2 * (derive::bytesOf(getK().getType(), query) + derive::bytesOf(getV().getType(), query))};
}

// ---- paged_attention
Result<Types> PagedAttentionOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr) {
  auto q = tensorType(operands[0]);
  auto cache = mlir::cast<KvType>(operands[1].getType());
  if (q.getRank() != 3 || q.getDimSize(2) != cache.getKeyDim())
    return diagnose(ErrorKind::invalidInput)
        .says("q does not end in the cache's key dim " + std::to_string(cache.getKeyDim()))
        .toFix("reshape q to [rows, heads, dim]");
  LLC_TRY(checkGroups(q.getDimSize(1), cache.getKvHeads()));
  for (mlir::Value vector : operands.drop_front(4))
    LLC_TRY(checkHeadVector(vector, q.getDimSize(1), "sinks or slopes"));
  mlir::Type element = derive::atLeastF32(q.getElementType());
  return Types{RankedTensorType::get({q.getDimSize(0), q.getDimSize(1), cache.getValueDim()}, element)};
}

// The cached slots a row sees: [start, end) of its sequence; null if one of them was never written.
struct VisibleSlots {
  const std::vector<Cache::Slot> *slots = nullptr;
  int64_t start = 0, end = 0;
};

static VisibleSlots visibleSlots(const Cache &cache, int64_t sequence, double rowPosition, int64_t window) {
  auto found = cache.sequences.find(sequence);
  if (found == cache.sequences.end() || !(rowPosition >= 0 && rowPosition < static_cast<double>(found->second.size())))
    return {};
  int64_t end = static_cast<int64_t>(rowPosition) + 1;
  int64_t start = window > 0 ? std::max<int64_t>(0, end - window) : 0;
  for (int64_t slot = start; slot < end; ++slot)
    if (found->second[slot].key.empty()) return {};
  return {&found->second, start, end};
}

llvm::LogicalResult PagedAttentionOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                               llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &q = operands[0].tensor;
  const Cache &cache = *operands[1].cache;
  const Batch &batch = *operands[2].batch;
  const double *sinks = getSinks() ? operands[4].tensor.values().data() : nullptr;
  const double *slopes = getSlopes() ? operands[getSinks() ? 5 : 4].tensor.values().data() : nullptr;
  int64_t rows = q.shape()[0], heads = q.shape()[1], keyDim = cache.keyDim, valueDim = cache.valueDim;
  double scale = getScale().convertToDouble(), cap = getSoftCap().convertToDouble();
  if (rows != static_cast<int64_t>(batch.sequenceOf.size()))
    return emitOpError("has queries for another number of rows than the batch; to fix: pass the step's own batch");
  Tensor y({rows, heads, valueDim});
  std::span<double> out = y.mutableValues();
  std::vector<double> scores;
  for (int64_t row = 0; row < rows; ++row) {
    VisibleSlots seen = visibleSlots(cache, batch.sequenceOf[row], operands[3].tensor.values()[row], getWindow());
    if (!seen.slots)
      return emitOpError("reads a slot that was never written; to fix: append the step's keys first, positions from 0");
    for (int64_t head = 0; head < heads; ++head) {
      int64_t group = head / (heads / cache.heads);
      const double *query = q.values().data() + (row * heads + head) * keyDim;
      scores.clear();
      for (int64_t slot = seen.start; slot < seen.end; ++slot) {
        double score = scale * dot(query, (*seen.slots)[slot].key.data() + group * keyDim, keyDim);
        if (slopes) score += slopes[head] * static_cast<double>(slot + 1 - seen.end);
        scores.push_back(capped(score, cap));
      }
      softmaxInPlace(scores, sinks ? sinks + head : nullptr);
      double *target = out.data() + (row * heads + head) * valueDim;
      for (int64_t slot = seen.start; slot < seen.end; ++slot)
        accumulate(target, scores[slot - seen.start], (*seen.slots)[slot].value.data() + group * valueDim, valueDim);
    }
  }
  if ((*this)->hasAttr(roundedAttribute)) y = roundedTo(mlir::BFloat16Type::get(getContext()), y);
  results.push_back(std::move(y));
  return mlir::success();
}
llvm::LogicalResult PagedAttentionOp::decompose(mlir::OpBuilder &, llvm::SmallVectorImpl<mlir::Value> &) {
  return emitOpError("is primitive: it reads a cache");
}
std::vector<Factor> PagedAttentionOp::shardingFactors() {
  Factor heads{mlir::cast<KvType>(getKv().getType()).getKvHeads(), false, {{0, 1}, {1, 0}}, {{0, 1}}};
  for (unsigned operand = 4; operand < getNumOperands(); ++operand)
    heads.operands.push_back({static_cast<int>(operand), 0});
  return {heads};
}
// Every row reads the whole context of its sequence once per key-value head.
Cost PagedAttentionOp::cost(const CostQuery &query) {
  auto cache = mlir::cast<KvType>(getKv().getType());
  double context = static_cast<double>(query.context);
  if (getWindow() > 0) context = std::min(context, static_cast<double>(getWindow()));
  auto q = tensorType(getQ());
  double width = cache.getElementType().getIntOrFloatBitWidth() / 8.0,
         rows = known(q.getDimSize(0), static_cast<double>(query.rows));
  double perKey = static_cast<double>(cache.getKeyDim() + cache.getValueDim());
  Cost total;
  total.flops = rows * static_cast<double>(q.getDimSize(1)) * context * (2 * perKey + 5);
  total.bytes = derive::bytesOf(q, query) + derive::bytesOf(getType(), query) +
                rows * context * static_cast<double>(cache.getKvHeads()) * perKey * width;
  return total;
}

}  // namespace llc::llm
