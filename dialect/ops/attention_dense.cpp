// Dense attention and its gradient by hand: evaluation in plain loops, decompositions.
#include "dialect/interfaces/derive_internal.h"
#include "dialect/ops/attention_values.h"
#include "dialect/ops/llm.h"

namespace llc::llm {
namespace {
using namespace attention;
using mlir::RankedTensorType;

// One number per position of the keys; the queries' own are the last of them, hence static extents.
Status checkSegments(RankedTensorType segments, RankedTensorType q, RankedTensorType k) {
  bool fits = segments.getRank() == 2 && !derive::isFloat(segments) && !q.isDynamicDim(1) && !k.isDynamicDim(1) &&
              segments.getDimSize(1) == k.getDimSize(1) && !differ(segments.getDimSize(0), k.getDimSize(0));
  if (fits) return llc::success();
  return diagnose(ErrorKind::invalidInput)
      .says("segments are not integers of the keys' shape [batch, positions], or the positions are dynamic")
      .toFix("give one integer per key, and static positions");
}

Status checkShapes(RankedTensorType q, RankedTensorType k, RankedTensorType v) {
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
  return checkGroups(q.getDimSize(2), k.getDimSize(2));
}

double dropRate(mlir::DictionaryAttr attributes) {
  auto rate = attributes.getAs<mlir::FloatAttr>("drop_rate");
  return rate ? rate.getValueAsDouble() : 0;
}

// The key goes with a rate. Random numbers are functions of whole numbers below 2^24, one of which counts the queries
// of all heads.
Status checkDropping(RankedTensorType key, RankedTensorType q, double rate) {
  if (!(rate > 0 && rate < 1) || key.getRank() != 1 || key.getDimSize(0) != 1)
    return diagnose(ErrorKind::invalidInput)
        .says("drop_rate is not between 0 and 1, or drop_key is not one number")
        .toFix("give both, or neither");
  if (known(q.getDimSize(0), 1) * known(q.getDimSize(1), 1) * double(q.getDimSize(2)) < double(1 << 24))
    return llc::success();
  return diagnose(ErrorKind::unsupported)
      .says("dropout of attention counts fewer than 2^24 queries of all heads")
      .toFix("use smaller batches, or attention_dropout 0");
}

// Of y, and of its gradient.
RankedTensorType resultType(mlir::ValueRange operands, mlir::Type element) {
  auto q = tensorType(operands[0]), v = tensorType(operands[2]);
  return RankedTensorType::get({q.getDimSize(0), q.getDimSize(1), q.getDimSize(2), v.getDimSize(3)}, element);
}

// The scores of one query as the reference evaluation has them.
class Scores {
 public:
  template <class Op>
  Scores(Op op, llvm::ArrayRef<Datum> operands)
      : q_(operands[0].tensor),
        k_(operands[1].tensor),
        queries_(q_.shape()[1]),
        heads_(q_.shape()[2]),
        dim_(q_.shape()[3]),
        keys_(k_.shape()[1]),
        kvHeads_(k_.shape()[2]),
        window_(op.getWindow()),
        causal_(op.getCausal()),
        scale_(op.getScale().convertToDouble()),
        cap_(op.getSoftCap().convertToDouble()),
        rate_(op.getDropRate().convertToDouble()) {
    if (op.getDropKey()) dropKey_ = operands.back().tensor.values()[0], operands = operands.drop_back();
    if (op.getSegments()) segments_ = operands.back().tensor.values().data();
  }

  // Calls visit(b, s, h) for every query after its scores are computed.
  void forEach(llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) {
    for (int64_t b = 0; b < q_.shape()[0]; ++b)
      for (int64_t s = 0; s < queries_; ++s)
        for (int64_t h = 0; h < heads_; ++h) {
          compute(b, s, h);
          visit(b, s, h);
        }
  }

  // Of the current query.
  int64_t start = 0;                                                            // the first key of `values`
  std::vector<double> values;                                                   // scaled and capped, -inf where hidden
  std::vector<double> slopes;                                                   // derivatives by the dot product
  int64_t keyRow(int64_t offset) const { return keyRow_ + offset * kvHeads_; }  // [b,t,g] as one number
  int64_t queryRow() const { return queryRow_; }                                // [b,s,h]
  // What dropout makes of the weight of key `offset`: a factor.
  double kept(int64_t offset) const {
    if (dropKey_ == 0) return 1;
    double place[] = {double(numberOfQuery_), double(start + offset + 1), dropKey_};
    return random_->evaluate(place) < rate_ ? 0 : 1 / (1 - rate_);
  }

 private:
  void compute(int64_t b, int64_t s, int64_t h) {
    int64_t position = s + keys_ - queries_;
    int64_t end = causal_ ? std::clamp<int64_t>(position + 1, 0, keys_) : keys_;
    start = window_ > 0 ? std::clamp<int64_t>(position - window_ + 1, 0, end) : 0;
    queryRow_ = (b * queries_ + s) * heads_ + h;
    numberOfQuery_ = (b * heads_ + h) * queries_ + s;
    keyRow_ = (b * keys_ + start) * kvHeads_ + h / (heads_ / kvHeads_);
    values.clear(), slopes.clear();
    for (int64_t t = start; t < end; ++t) {
      double product = dot(q_.values().data() + queryRow_ * dim_, k_.values().data() + keyRow(t - start) * dim_, dim_);
      double score = capped(scale_ * product, cap_);
      bool seen = !segments_ || segments_[b * keys_ + t] == segments_[b * keys_ + position];
      values.push_back(seen ? score : -std::numeric_limits<double>::infinity());
      slopes.push_back(cap_ > 0 ? scale_ * (1 - score / cap_ * (score / cap_)) : scale_);
    }
  }

  const Tensor &q_, &k_;
  const double *segments_ = nullptr;
  int64_t queries_, heads_, dim_, keys_, kvHeads_, window_;
  bool causal_;
  double scale_, cap_, rate_, dropKey_ = 0;
  const index::ScalarFunction *random_ = index::findScalar("random");
  int64_t queryRow_ = 0, keyRow_ = 0, numberOfQuery_ = 0;
};

// [b,s,h,...] -> [b,s,kv head,head of its group,...]
RankedTensorType grouped(mlir::Type type, int64_t kvHeads) {
  auto tensor = mlir::cast<RankedTensorType>(type);
  llvm::SmallVector<int64_t> shape(tensor.getShape());
  shape.insert(shape.begin() + 2, kvHeads);
  shape[3] /= kvHeads;
  return RankedTensorType::get(shape, tensor.getElementType());
}

// A decomposition under construction: the values by name, q in groups of heads.
template <class Op>
struct Parts {
  Parts(Op op, mlir::OpBuilder &builder) : op(op), builder(builder), kvHeads(tensorType(op.getK()).getDimSize(2)) {
    scope["k"] = op.getK(), scope["v"] = op.getV();
    group("q", op.getQ());
  }
  void group(const char *name, mlir::Value value) {
    scope[name] = builder.create<ReshapeOp>(op.getLoc(), grouped(value.getType(), kvHeads), value);
  }
  // z: dot products, u: scaled, t: tanh of the soft cap, c: capped, and masked by -inf.
  std::string scores() {
    bool caps = op.getSoftCap().convertToDouble() > 0;
    std::string text = "z[bgrst] = sum[d] q[bsgrd]*k[btgd]; u[bgrst] = z[bgrst]*%scale;";
    if (caps) text += "t[bgrst] = tanh(u[bgrst]/%soft_cap);";
    std::string score = caps ? "%soft_cap*t[bgrst]" : "u[bgrst]";
    if (op.getCausal()) score = "select(ge(@s+#t-#s,@t)," + score + ",-inf)";
    if (op.getWindow() > 0) score = "select(lt(@s+#t-#s-@t,%window)," + score + ",-inf)";
    if (op.getSegments()) {
      scope["segments"] = scope["own"] = op.getSegments();
      int64_t queries = tensorType(op.getQ()).getDimSize(1);
      if (int64_t earlier = tensorType(op.getK()).getDimSize(1) - queries)
        scope["own"] = builder.create<SliceOp>(op.getLoc(), op.getSegments(), 1, earlier, queries);
      score = "select(eq(own[bs],segments[bt])," + score + ",-inf)";
    }
    return text + "c[bgrst] = " + score + ";";
  }
  // `to` = what dropout leaves of `from`; nothing is to be done without it.
  std::string dropped(const std::string &from, const std::string &to) {
    if (!op.getDropKey()) return "";
    scope["drop_key"] = op.getDropKey();
    std::string random = "random(((@b*#g+@g)*#r+@r)*#s+@s,@t+1,drop_key[1])";
    return to + "[bgrst] = " + from + "[bgrst]*select(eq(drop_key[1],0),1,select(lt(" + random +
           ",%drop_rate),0,1/(1-%drop_rate)));";
  }
  // Emits the program and gives its values of these names.
  struct Named {
    const char *name;
    mlir::Type type;
    bool ofQueries;  // heads are in groups until the end
  };
  llvm::LogicalResult emit(const std::string &text, llvm::ArrayRef<Named> named,
                           llvm::SmallVectorImpl<mlir::Value> &results) {
    auto program = derive::programFromText(op, text);
    if (!program.ok()) return derive::report(op, program.error());
    derive::Scope<RankedTensorType> types;
    for (const Named &each : named) {
      auto type = mlir::cast<RankedTensorType>(each.type);
      types[each.name] = each.ofQueries ? grouped(type, kvHeads) : type;
    }
    std::vector<derive::EmittedStep> steps;
    Status status = derive::emitProgram(*program, builder, op, scope, {}, types, steps);
    if (!status.ok()) return derive::report(op, status.error());
    for (const Named &each : named) {
      mlir::Value value = scope[each.name];
      results.push_back(each.ofQueries ? builder.create<ReshapeOp>(op.getLoc(), each.type, value) : value);
    }
    return mlir::success();
  }

  Op op;
  mlir::OpBuilder &builder;
  int64_t kvHeads;
  derive::Scope<mlir::Value> scope = {};
};

// Queries and keys can be cut only where no mask compares their absolute positions.
template <class Op>
bool masksPositions(Op op) {
  return op.getCausal() || op.getWindow() > 0 || op.getSegments();
}

// What dropout leaves out follows from the numbers of batch elements, heads and positions: they can't be counted anew.
template <class Op>
bool countsAll(Op op) {
  return bool(op.getDropKey());
}

template <class Op>
Cost costOf(Op op, const CostQuery &query, double perKeyElement, double perValueElement, double perPair) {
  auto q = tensorType(op.getQ()), k = tensorType(op.getK()), v = tensorType(op.getV());
  double rows = static_cast<double>(query.rows);
  double pairs = known(q.getDimSize(0), rows) * known(q.getDimSize(1), rows) * known(k.getDimSize(1), rows) *
                 static_cast<double>(q.getDimSize(2));
  Cost total;
  total.flops =
      pairs * (perKeyElement * known(q.getDimSize(3), 1) + perValueElement * known(v.getDimSize(3), 1) + perPair);
  for (mlir::Type type : op->getOperandTypes()) total.bytes += derive::bytesOf(type, query);
  for (mlir::Type type : op->getResultTypes()) total.bytes += derive::bytesOf(type, query);
  return total;
}
}  // namespace

// ---- attention
Result<llvm::SmallVector<mlir::Type>> AttentionOp::resultTypes(mlir::ValueRange operands,
                                                               mlir::DictionaryAttr attributes) {
  auto q = tensorType(operands[0]), k = tensorType(operands[1]), v = tensorType(operands[2]);
  LLC_TRY(checkShapes(q, k, v));
  mlir::ValueRange extras = operands.drop_front(3);
  if (double rate = dropRate(attributes); rate != 0 && !extras.empty()) {
    LLC_TRY(checkDropping(tensorType(extras.back()), q, rate));
    extras = extras.drop_back();
  }
  for (mlir::Value extra : extras)
    LLC_TRY(tensorType(extra).getRank() == 2 ? checkSegments(tensorType(extra), q, k)
                                             : checkHeadVector(extra, q.getDimSize(2), "sinks"));
  mlir::Type element = derive::atLeastF32(derive::widestElement(operands.getTypes()));
  return llvm::SmallVector<mlir::Type>{resultType(operands, element),
                                       RankedTensorType::get(q.getShape().drop_back(), element)};
}

llvm::LogicalResult AttentionOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                          llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &q = operands[0].tensor, &v = operands[2].tensor;
  const double *sinks = getSinks() ? operands[3].tensor.values().data() : nullptr;
  int64_t valueDim = v.shape()[3];
  Scores scores(*this, operands);
  Tensor y({q.shape()[0], q.shape()[1], q.shape()[2], valueDim}), logSum({q.shape()[0], q.shape()[1], q.shape()[2]});
  std::span<double> out = y.mutableValues(), sums = logSum.mutableValues();
  scores.forEach([&](int64_t, int64_t, int64_t h) {
    sums[size_t(scores.queryRow())] = softmaxInPlace(scores.values, sinks ? sinks + h : nullptr);
    for (size_t i = 0; i < scores.values.size(); ++i)
      accumulate(out.data() + scores.queryRow() * valueDim, scores.values[i] * scores.kept(int64_t(i)),
                 v.values().data() + scores.keyRow(int64_t(i)) * valueDim, valueDim);
  });
  results.push_back(std::move(y));
  results.push_back(std::move(logSum));
  return mlir::success();
}

// m, n: largest score (with the sink), e, s: exponentials and their sum, p: weights, w: what dropout leaves of them, l:
// log of the sum.
llvm::LogicalResult AttentionOp::decompose(mlir::OpBuilder &builder, llvm::SmallVectorImpl<mlir::Value> &results) {
  Parts<AttentionOp> parts(*this, builder);
  std::string text = parts.scores(), largest = "stop(m[bgrs])", sum = "s[bgrs]";
  if (getSinks()) {
    auto type = tensorType(getSinks());
    auto sinkType = RankedTensorType::get({parts.kvHeads, type.getDimSize(0) / parts.kvHeads}, type.getElementType());
    parts.scope["sinks"] = builder.create<ReshapeOp>(getLoc(), sinkType, getSinks());
    largest = "max(stop(m[bgrs]),stop(sinks[gr]))";
    sum = "(s[bgrs]+exp(sinks[gr]-n[bgrs]))";
  }
  text += "m[bgrs] = max[t] stop(c[bgrst]); n[bgrs] = " + largest + ";";
  text += "e[bgrst] = exp(c[bgrst]-n[bgrs]); s[bgrs] = sum[t] e[bgrst]; p[bgrst] = e[bgrst]/" + sum + ";";
  text += parts.dropped("p", "w");
  text += "y[bsgre] = sum[t] " + std::string(getDropKey() ? "w" : "p") + "[bgrst]*v[btge]; l[bsgr] = n[bgrs]+log(" +
          sum + ")";
  return parts.emit(text, {{"y", getY().getType(), true}, {"l", getLogSum().getType(), true}}, results);
}

// dL/dsink: its weight exp(sink - log_sum) times what every score's gradient subtracts.
llvm::LogicalResult AttentionOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                              llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  mlir::Value dy = gradients[0] ? gradients[0] : derive::zerosLike(builder, getLoc(), getY());
  derive::Scope<mlir::Value> scope = {{"y", getY()}, {"dy", dy}, {"l", getLogSum()}};
  std::string text = "delta[bsh] = sum[e] dy[bshe]*y[bshe]";
  if (gradients[1]) {
    scope["dl"] = gradients[1];
    text = "r[bsh] = sum[e] dy[bshe]*y[bshe]; delta[bsh] = r[bsh]-dl[bsh]";
  }
  if (getSinks()) scope["sinks"] = getSinks(), text += "; dsinks[h] = sum[bs] -exp(sinks[h]-l[bsh])*delta[bsh]";
  auto program = derive::programFromText(*this, text);
  if (!program.ok()) return derive::report(*this, program.error());
  std::vector<derive::EmittedStep> steps;
  Status status = derive::emitProgram(*program, builder, *this, scope, {}, {}, steps);
  if (!status.ok()) return derive::report(*this, status.error());
  auto backward = builder.create<AttentionBackwardOp>(getLoc(), getQ(), getK(), getV(), dy, getLogSum(), scope["delta"],
                                                      getSegments(), getDropKey(), getScaleAttr(), getCausalAttr(),
                                                      getWindowAttr(), getSoftCapAttr(), getDropRateAttr());
  operandGradients.assign(backward->result_begin(), backward->result_end());
  if (getSinks()) operandGradients.push_back(scope["dsinks"]);
  if (getSegments()) operandGradients.push_back({});
  if (getDropKey()) operandGradients.push_back({});
  return mlir::success();
}

std::vector<Factor> AttentionOp::shardingFactors() {
  auto q = tensorType(getQ()), k = tensorType(getK()), v = tensorType(getV());
  std::vector<Factor> factors = {
      {q.getDimSize(0), false, {{0, 0}, {1, 0}, {2, 0}}, {{0, 0}, {1, 0}}},
      {k.getDimSize(2), false, {{0, 2}, {1, 2}, {2, 2}}, {{0, 2}, {1, 2}}},
      {q.getDimSize(3), true, {{0, 3}, {1, 3}}, {}},
      {v.getDimSize(3), false, {{2, 3}}, {{0, 3}}},
  };
  if (countsAll(*this)) return {factors[2], factors[3]};
  if (getSinks()) factors[1].operands.push_back({3, 0});
  if (getSegments()) factors[0].operands.push_back({static_cast<int>(getNumOperands()) - 1, 0});
  if (masksPositions(*this)) return factors;
  factors.push_back({q.getDimSize(1), false, {{0, 1}}, {{0, 1}, {1, 1}}});
  factors.push_back({k.getDimSize(1), true, {{1, 1}, {2, 1}}, {}});
  return factors;
}

Cost AttentionOp::cost(const CostQuery &query) { return costOf(*this, query, 2, 2, 5); }

// ---- attention_backward
Result<llvm::SmallVector<mlir::Type>> AttentionBackwardOp::resultTypes(mlir::ValueRange operands,
                                                                       mlir::DictionaryAttr attributes) {
  auto q = tensorType(operands[0]), k = tensorType(operands[1]), v = tensorType(operands[2]);
  LLC_TRY(checkShapes(q, k, v));
  auto is = [](mlir::Value value, llvm::ArrayRef<int64_t> shape) {
    return mlir::succeeded(mlir::verifyCompatibleShape(tensorType(value).getShape(), shape));
  };
  if (!is(operands[3], resultType(operands, q.getElementType()).getShape()))
    return diagnose(ErrorKind::invalidInput)
        .says("dy is not of the shape [b,s,h,e] that the operands give attention's result")
        .toFix("pass the gradient of its result 0");
  for (mlir::Value rows : operands.slice(4, 2))
    if (!is(rows, q.getShape().drop_back()))
      return diagnose(ErrorKind::invalidInput)
          .says("log_sum or delta is not one number per query and head")
          .toFix("give them the shape [b,s,h] of q");
  mlir::ValueRange extras = operands.drop_front(6);
  if (double rate = dropRate(attributes); rate != 0 && !extras.empty()) {
    LLC_TRY(checkDropping(tensorType(extras.back()), q, rate));
    extras = extras.drop_back();
  }
  if (!extras.empty()) LLC_TRY(checkSegments(tensorType(extras[0]), q, k));
  return llvm::SmallVector<mlir::Type>{derive::gradientType(q), derive::gradientType(k), derive::gradientType(v)};
}

llvm::LogicalResult AttentionBackwardOp::evaluate(llvm::ArrayRef<Datum> operands, Environment &,
                                                  llvm::SmallVectorImpl<Datum> &results) {
  const Tensor &q = operands[0].tensor, &k = operands[1].tensor, &v = operands[2].tensor, &dy = operands[3].tensor;
  std::span<const double> logSum = operands[4].tensor.values(), delta = operands[5].tensor.values();
  int64_t keyDim = q.shape()[3], valueDim = v.shape()[3];
  Scores scores(*this, operands);
  Tensor dq(q.shape()), dk(k.shape()), dv(v.shape());
  double *dQueries = dq.mutableValues().data(), *dKeys = dk.mutableValues().data(),
         *dValues = dv.mutableValues().data();
  scores.forEach([&](int64_t, int64_t, int64_t) {
    int64_t row = scores.queryRow();
    const double *outer = dy.values().data() + row * valueDim;
    for (size_t i = 0; i < scores.values.size(); ++i) {
      int64_t key = scores.keyRow(int64_t(i));
      double weight = std::exp(scores.values[i] - logSum[size_t(row)]);
      if (weight == 0) continue;
      double kept = scores.kept(int64_t(i));
      double dWeight = kept * dot(outer, v.values().data() + key * valueDim, valueDim);
      double dScore = weight * (dWeight - delta[size_t(row)]) * scores.slopes[i];
      accumulate(dValues + key * valueDim, weight * kept, outer, valueDim);
      accumulate(dQueries + row * keyDim, dScore, k.values().data() + key * keyDim, keyDim);
      accumulate(dKeys + key * keyDim, dScore, q.values().data() + row * keyDim, keyDim);
    }
  });
  for (Tensor *gradient : {&dq, &dk, &dv}) results.push_back(std::move(*gradient));
  return mlir::success();
}

// p: weights, d: what dropout leaves of them, w: gradient of that, g: of the weights, x: of the dot products.
llvm::LogicalResult AttentionBackwardOp::decompose(mlir::OpBuilder &builder,
                                                   llvm::SmallVectorImpl<mlir::Value> &results) {
  Parts<AttentionBackwardOp> parts(*this, builder);
  parts.group("dy", getDy());
  parts.group("l", getLogSum());
  parts.group("delta", getDelta());
  bool caps = getSoftCap().convertToDouble() > 0;
  std::string left = getDropKey() ? "d" : "p", gradient = getDropKey() ? "g" : "w";
  std::string text = parts.scores() + "p[bgrst] = exp(c[bgrst]-l[bsgr]);" + parts.dropped("p", "d");
  text += "dv[btge] = sum[rs] " + left + "[bgrst]*dy[bsgre]; w[bgrst] = sum[e] dy[bsgre]*v[btge];";
  text += parts.dropped("w", "g") + "x[bgrst] = p[bgrst]*(" + gradient + "[bgrst]-delta[bsgr])*%scale" +
          std::string(caps ? "*(1-t[bgrst]*t[bgrst]);" : ";");
  text += "dq[bsgrd] = sum[t] x[bgrst]*k[btgd]; dk[btgd] = sum[rs] x[bgrst]*q[bsgrd]";
  return parts.emit(
      text, {{"dq", getDq().getType(), true}, {"dk", getDk().getType(), false}, {"dv", getDv().getType(), false}},
      results);
}

llvm::LogicalResult AttentionBackwardOp::buildAdjoint(mlir::OpBuilder &builder, mlir::ValueRange gradients,
                                                      llvm::SmallVectorImpl<mlir::Value> &operandGradients) {
  return derive::adjointThroughDecomposition(*this, builder, gradients, operandGradients);
}

std::vector<Factor> AttentionBackwardOp::shardingFactors() {
  auto q = tensorType(getQ()), k = tensorType(getK()), v = tensorType(getV());
  std::vector<Factor> factors = {
      {q.getDimSize(0), false, {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}}, {{0, 0}, {1, 0}, {2, 0}}},
      {k.getDimSize(2), false, {{0, 2}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {5, 2}}, {{0, 2}, {1, 2}, {2, 2}}},
      {v.getDimSize(3), true, {{2, 3}, {3, 3}}, {{2, 3}}},
      {q.getDimSize(3), true, {{0, 3}, {1, 3}}, {{0, 3}, {1, 3}}},
  };
  if (countsAll(*this)) return {factors[2], factors[3]};
  if (getSegments()) factors[0].operands.push_back({6, 0});
  if (masksPositions(*this)) return factors;
  factors.push_back({q.getDimSize(1), true, {{0, 1}, {3, 1}, {4, 1}, {5, 1}}, {{0, 1}}});
  factors.push_back({k.getDimSize(1), true, {{1, 1}, {2, 1}}, {{1, 1}, {2, 1}}});
  return factors;
}

Cost AttentionBackwardOp::cost(const CostQuery &query) { return costOf(*this, query, 6, 4, 8); }

}  // namespace llc::llm
