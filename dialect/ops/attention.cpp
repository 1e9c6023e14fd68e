// Attention by hand: evaluation in plain loops, the decomposition of the dense form, the cache.
#include <algorithm>
#include <cmath>

#include "dialect/interfaces/derive_internal.h"
#include "dialect/ops/llm.h"
#include "dialect/reference/interpreter.h"

#define GET_OP_CLASSES
#include "dialect/ops/attention.cpp.inc"

namespace llc::llm {
namespace {

using mlir::RankedTensorType;
using Types = llvm::SmallVector<mlir::Type>;

constexpr int64_t longestSequence = int64_t{1} << 24;  // tokens: a wild position must not allocate all memory

RankedTensorType tensorType(mlir::Value value) { return mlir::cast<RankedTensorType>(value.getType()); }
bool differ(int64_t a, int64_t b) {
  return a != b && a != mlir::ShapedType::kDynamic && b != mlir::ShapedType::kDynamic;
}
double known(int64_t extent, double dynamic) {
  return extent == mlir::ShapedType::kDynamic ? dynamic : static_cast<double>(extent);
}

Status checkHeadVector(mlir::Value vector, int64_t heads, const char *name) {
  if (tensorType(vector).getRank() == 1 && tensorType(vector).getDimSize(0) == heads) return llc::success();
  return diagnose(ErrorKind::invalidInput)
      .says(std::string(name) + " is not one number per query head")
      .toFix("give a vector of " + std::to_string(heads));
}

// One number per position of the keys; the queries' own are the last of them, hence static extents.
Status checkSegments(RankedTensorType segments, RankedTensorType q, RankedTensorType k) {
  bool fits = segments.getRank() == 2 && !derive::isFloat(segments) && !q.isDynamicDim(1) && !k.isDynamicDim(1) &&
              segments.getDimSize(1) == k.getDimSize(1) && !differ(segments.getDimSize(0), k.getDimSize(0));
  if (fits) return llc::success();
  return diagnose(ErrorKind::invalidInput)
      .says("segments are not integers of the keys' shape [batch, positions], or the positions are dynamic")
      .toFix("give one integer per key, and static positions");
}

Status checkGroups(int64_t heads, int64_t kvHeads) {
  if (kvHeads > 0 && heads > 0 && heads % kvHeads == 0) return llc::success();
  return diagnose(ErrorKind::invalidInput)
      .says(std::to_string(heads) + " query heads are no multiple of " + std::to_string(kvHeads) + " key-value heads")
      .toFix("compare the head counts of the model's configuration");
}

// Softmax-weighted sum of one query over its visible keys: scores in, weights out, in place.
void softmaxInPlace(std::vector<double> &scores, const double *sink) {
  double largest = sink ? *sink : -std::numeric_limits<double>::infinity();
  for (double score : scores) largest = std::max(largest, score);
  double total = sink ? std::exp(*sink - largest) : 0;
  for (double &score : scores) total += score = std::exp(score - largest);
  for (double &score : scores) score /= total;
}

double capped(double score, double cap) { return cap > 0 ? cap * std::tanh(score / cap) : score; }

double dot(const double *a, const double *b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// Adds weight * source to target.
void accumulate(double *target, double weight, const double *source, int64_t count) {
  for (int64_t i = 0; i < count; ++i) target[i] += weight * source[i];
}

}  // namespace

void LlmDialect::addAttentionOps() {
  addOperations<
#define GET_OP_LIST
#include "dialect/ops/attention.cpp.inc"
      >();
}

// ---- attention
Result<Types> AttentionOp::resultTypes(mlir::ValueRange operands, mlir::DictionaryAttr) {
  auto q = tensorType(operands[0]), k = tensorType(operands[1]), v = tensorType(operands[2]);
  if (q.getRank() != 4 || k.getRank() != 4 || v.getRank() != 4)
    return diagnose(ErrorKind::invalidInput)
        .says("q, k and v are not of rank 4")
        .toFix("reshape to [batch, positions, heads, dim]");
  if (q.isDynamicDim(2) || k.isDynamicDim(2) || v.isDynamicDim(3))
    return diagnose(ErrorKind::invalidInput).says("a head count or head dimension is dynamic").toFix("make it static");
  if (differ(q.getDimSize(0), k.getDimSize(0)) || differ(k.getDimSize(0), v.getDimSize(0)) ||
      differ(k.getDimSize(1), v.getDimSize(1)) || k.getDimSize(2) != v.getDimSize(2) ||
      q.getDimSize(3) != k.getDimSize(3))
    return diagnose(ErrorKind::invalidInput)
        .says("the shapes do not fit q[b,s,h,d], k[b,t,g,d], v[b,t,g,e]")
        .toFix("compare batch, positions, key-value heads and dims");
  LLC_TRY(checkGroups(q.getDimSize(2), k.getDimSize(2)));
  for (mlir::Value extra : operands.drop_front(3))
    LLC_TRY(tensorType(extra).getRank() == 2 ? checkSegments(tensorType(extra), q, k)
                                             : checkHeadVector(extra, q.getDimSize(2), "sinks"));
  mlir::Type element = derive::atLeastF32(derive::widestElement(operands.getTypes()));
  return Types{RankedTensorType::get({q.getDimSize(0), q.getDimSize(1), q.getDimSize(2), v.getDimSize(3)}, element)};
}

llvm::LogicalResult AttentionOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                          llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &q = operands[0].tensor, &k = operands[1].tensor, &v = operands[2].tensor;
  const double *sinks = getSinks() ? operands[3].tensor.values().data() : nullptr;
  const double *segments = getSegments() ? operands.back().tensor.values().data() : nullptr;
  int64_t batches = q.shape()[0], queries = q.shape()[1], heads = q.shape()[2], keyDim = q.shape()[3];
  int64_t keys = k.shape()[1], kvHeads = k.shape()[2], valueDim = v.shape()[3], window = getWindow();
  double scale = getScale().convertToDouble(), cap = getSoftCap().convertToDouble();
  Tensor y({batches, queries, heads, valueDim});
  std::span<double> out = y.mutableValues();
  std::vector<double> scores;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t s = 0; s < queries; ++s)
      for (int64_t h = 0; h < heads; ++h) {
        int64_t group = h / (heads / kvHeads), position = s + keys - queries;
        int64_t end = getCausal() ? std::clamp<int64_t>(position + 1, 0, keys) : keys;
        int64_t start = window > 0 ? std::clamp<int64_t>(position - window + 1, 0, end) : 0;
        const double *query = q.values().data() + ((b * queries + s) * heads + h) * keyDim;
        scores.clear();
        for (int64_t t = start; t < end; ++t) {
          const double *key = k.values().data() + ((b * keys + t) * kvHeads + group) * keyDim;
          bool seen = !segments || segments[b * keys + t] == segments[b * keys + position];
          scores.push_back(seen ? capped(scale * dot(query, key, keyDim), cap)
                                : -std::numeric_limits<double>::infinity());
        }
        softmaxInPlace(scores, sinks ? sinks + h : nullptr);
        double *target = out.data() + ((b * queries + s) * heads + h) * valueDim;
        for (int64_t t = start; t < end; ++t)
          accumulate(target, scores[t - start], v.values().data() + ((b * keys + t) * kvHeads + group) * valueDim,
                     valueDim);
      }
  results.push_back(std::move(y));
  return mlir::success();
}

// Query heads split into [kv head, head of the group]. z: dot products, u: scaled, c: capped and masked by -inf,
// m, n: largest (with the sink), e, s: exponentials and their sum, p: weights.
llvm::LogicalResult AttentionOp::decompose(mlir::OpBuilder &builder, llvm::SmallVectorImpl<mlir::Value> &results) {
  auto q = tensorType(getQ()), type = mlir::cast<RankedTensorType>(getType());
  int64_t kvHeads = tensorType(getK()).getDimSize(2), group = q.getDimSize(2) / kvHeads;
  auto grouped = [&](RankedTensorType from) {
    return RankedTensorType::get({from.getDimSize(0), from.getDimSize(1), kvHeads, group, from.getDimSize(3)},
                                 from.getElementType());
  };
  derive::Scope<mlir::Value> scope = {{"k", getK()}, {"v", getV()}};
  scope["q"] = builder.create<ReshapeOp>(getLoc(), grouped(q), getQ());
  std::string score = getSoftCap().convertToDouble() > 0 ? "%soft_cap*tanh(u[bgrst]/%soft_cap)" : "u[bgrst]";
  if (getCausal()) score = "select(ge(@s+#t-#s,@t)," + score + ",-inf)";
  if (getWindow() > 0) score = "select(lt(@s+#t-#s-@t,%window)," + score + ",-inf)";
  if (getSegments()) {
    scope["segments"] = scope["own"] = getSegments();
    if (int64_t earlier = tensorType(getK()).getDimSize(1) - q.getDimSize(1))
      scope["own"] = builder.create<SliceOp>(getLoc(), getSegments(), 1, earlier, q.getDimSize(1));
    score = "select(eq(own[bs],segments[bt])," + score + ",-inf)";
  }
  std::string largest = "stop(m[bgrs])", sinkTerm;
  if (getSinks()) {
    auto sinkType = RankedTensorType::get({kvHeads, group}, tensorType(getSinks()).getElementType());
    scope["sinks"] = builder.create<ReshapeOp>(getLoc(), sinkType, getSinks());
    largest = "max(stop(m[bgrs]),stop(sinks[gr]))";
    sinkTerm = "+exp(sinks[gr]-n[bgrs])";
  }
  std::string text = "z[bgrst] = sum[d] q[bsgrd]*k[btgd]; u[bgrst] = z[bgrst]*%scale;";
  text += "c[bgrst] = " + score + "; m[bgrs] = max[t] stop(c[bgrst]); n[bgrs] = " + largest + ";";
  text += "e[bgrst] = exp(c[bgrst]-n[bgrs]); s[bgrs] = sum[t] e[bgrst];";
  text += "p[bgrst] = e[bgrst]/(s[bgrs]" + sinkTerm + "); y[bsgre] = sum[t] p[bgrst]*v[btge]";
  auto program = derive::programFromText(*this, text);
  if (!program.ok()) return derive::report(*this, program.error());
  std::vector<derive::EmittedStep> steps;
  Status status = derive::emitProgram(*program, builder, *this, scope, {}, {{"y", grouped(type)}}, steps);
  if (!status.ok()) return derive::report(*this, status.error());
  results.push_back(builder.create<ReshapeOp>(getLoc(), type, scope["y"]));
  return mlir::success();
}

llvm::LogicalResult AttentionOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                              llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  return derive::adjointThroughDecomposition(*this, builder, gradients, operandGradients);
}

// Queries and keys can be cut only where no mask compares their absolute positions.
std::vector<Factor> AttentionOp::shardingFactors() {
  auto q = tensorType(getQ()), k = tensorType(getK()), v = tensorType(getV());
  std::vector<Factor> factors = {
      {q.getDimSize(0), false, {{0, 0}, {1, 0}, {2, 0}}, {{0, 0}}},
      {k.getDimSize(2), false, {{0, 2}, {1, 2}, {2, 2}}, {{0, 2}}},
      {q.getDimSize(3), true, {{0, 3}, {1, 3}}, {}},
      {v.getDimSize(3), false, {{2, 3}}, {{0, 3}}},
  };
  if (getSinks()) factors[1].operands.push_back({3, 0});
  if (getSegments()) factors[0].operands.push_back({static_cast<int>(getNumOperands()) - 1, 0});
  if (getCausal() || getWindow() > 0 || getSegments()) return factors;
  factors.push_back({q.getDimSize(1), false, {{0, 1}}, {{0, 1}}});
  factors.push_back({k.getDimSize(1), true, {{1, 1}, {2, 1}}, {}});
  return factors;
}

Cost AttentionOp::cost(const CostQuery &query) {
  auto q = tensorType(getQ()), k = tensorType(getK()), v = tensorType(getV());
  double rows = static_cast<double>(query.rows);
  double pairs = known(q.getDimSize(0), rows) * known(q.getDimSize(1), rows) * known(k.getDimSize(1), rows) *
                 static_cast<double>(q.getDimSize(2));
  Cost total;
  total.flops = pairs * (2.0 * known(q.getDimSize(3), 1) + 2.0 * known(v.getDimSize(3), 1) + 5);
  for (mlir::Type type : getOperandTypes()) total.bytes += derive::bytesOf(type, query);
  total.bytes += derive::bytesOf(getType(), query);
  return total;
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
