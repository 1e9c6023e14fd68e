#include "models/updates/update.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"
#include "models/updates/rounding.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;
namespace {
constexpr const char *place = "optimizer";

// As bitsandbytes and TRL call optimizers with state in 8 bits.
UpdateOptions withoutSuffix(UpdateOptions options) {
  for (std::string_view suffix : {"_bnb_8bit", "_8bit"})
    if (options.optimizer.ends_with(suffix)) {
      options.optimizer.resize(options.optimizer.size() - suffix.size());
      options.state = StateType::eightBit;
    }
  return options;
}

Result<const Optimizer *> find(const std::string &name) {
  std::string all;
  for (const Optimizer &optimizer : optimizers()) {
    if (optimizer.name == name) return &optimizer;
    all += (all.empty() ? "" : ", ") + optimizer.name;
  }
  return diagnose(ErrorKind::invalidInput, place)
      .says("there is no optimizer '" + name + "'")
      .toFix("use one of " + all);
}

Result<OptimizerSettings> completeSettings(const Optimizer &optimizer, const OptimizerSettings &given) {
  OptimizerSettings settings;
  std::vector<std::string> names;
  for (const OptimizerSetting &known : optimizer.settings) {
    settings[known.name] = known.initial;
    names.push_back(known.name);
    auto found = given.find(known.name);
    if (found == given.end()) continue;
    if (!(found->second >= known.least && found->second <= known.most))
      return diagnose(ErrorKind::invalidInput, std::string(place) + "." + known.name)
          .says(std::to_string(found->second) + " is out of range")
          .toFix("use a number from " + std::to_string(known.least) + " to " + std::to_string(known.most));
    settings[known.name] = found->second;
  }
  for (const auto &[name, value] : given)
    if (!settings.contains(name)) {
      std::string near = nearestNames(name, names);
      return diagnose(ErrorKind::invalidInput, std::string(place) + "." + name)
          .says(optimizer.name + " has no such setting")
          .toFix(near.empty() ? "leave it out" : "did you mean " + near + "?");
    }
  return settings;
}

// What is kept for a weight: a parameter, or in blocks two, their codes and their scales.
struct Kept {
  std::vector<UpdateRule::State> parameters;
  Signs signs = Signs::both;
  bool inBlocks() const { return parameters.size() > 1; }
};

// A weight and what is kept for it: the optimizer's state, then the average if there is one.
struct Target {
  NamedShape weight;
  std::vector<Kept> kept;
  double rateScale = 1, decay = 0;
  int64_t number = 0;  // tells random numbers of different weights apart
  Shape shape;         // that the step works in: blocks, where it may, so that it is one pass over weight and state
};

Tensor as(Tensor x, const Shape &shape) { return x.shape() == shape ? x : reshape(x, shape); }
Tensor as(Tensor x, DType type) { return x.dtype() == type ? x : cast(x, type); }

struct Rule {
  Optimizer optimizer;
  OptimizerSettings settings;
  std::vector<Target> targets;
  double maxNorm = 0, emaDecay = 0;
  bool early = false;
  Rounding rounding = Rounding::nearest;
  uint64_t seed = 0;

  // The weight and its state after the step, on values of one weight: shared by all weights of a shape. Early: then the
  // sum of the gradient's squares, and whether the weight moved.
  Tensors moved(const std::vector<Value> &values, const Target &target) const {
    size_t next = 0;
    auto take = [&] { return Tensor(values[next++].handle()); };
    Tensor stored = take(), weight = as(stored, DType::f32), gradient = take();
    std::vector<Tensor> old{stored}, state;  // parameters, and what they are for the optimizer
    for (const Kept &kept : target.kept) {
      old.push_back(take());
      if (kept.inBlocks()) old.push_back(take());
      state.push_back(kept.inBlocks() ? as(fromBlocks({old.end()[-2], old.back()}, kept.signs), target.shape)
                                      : old.back());
    }
    Tensor rate = take(), step = take(), scale = take(), finite = take();
    bool draws = next < values.size();
    Tensors checks;
    if (early) {
      checks = {sumOfSquares(as(gradient, target.weight.shape))};
      finite = finite * isFinite(checks[0]);
      checks.push_back(finite);
    }
    Tensors changed = optimizer.direction({weight, gradient * scale, state, rate, step}, settings);
    Tensor direction = target.decay == 0 ? changed[0] : changed[0] + weight * target.decay;
    changed[0] = weight - direction * rate;
    if (emaDecay > 0) changed.push_back(averaged(state.back(), changed[0]));
    Tensors results{draws ? stochasticallyRounded(changed[0], take()) : as(changed[0], stored.dtype())};
    for (size_t i = 0; i < target.kept.size(); ++i) {
      const Kept &kept = target.kept[i];
      if (!kept.inBlocks()) {
        results.push_back(changed[i + 1]);
        continue;
      }
      EncodedBlocks blocks = toBlocks(as(changed[i + 1], kept.parameters[0].shape), kept.signs);
      results.insert(results.end(), {blocks.codes, blocks.scales});
    }
    for (size_t i = 0; i < results.size(); ++i) results[i] = select(finite, results[i], old[i]);
    results.insert(results.end(), checks.begin(), checks.end());
    return results;
  }

  static Tensor sum(const std::vector<Tensor> &numbers) {
    Tensor all = numbers.size() == 1 ? numbers[0] : concat(numbers, 0);
    return reduce(reshape(all, {1, int64_t(numbers.size())}), {.signature = "ab->a", .kind = "sum"});
  }

  // Not decay * average + (1 - decay) * weight: in f32 these two factors do not add up to one, and for a decay near one
  // the average of a constant would be another number (0.9999: by 2e-4).
  Tensor averaged(Tensor average, Tensor weight) const { return average + (weight - average) * (1 - emaDecay); }

  // min(1, max / norm); PyTorch's form, which keeps a distance of 1e-6.
  Tensor clipping(Tensor norm) const {
    if (maxNorm == 0) return scalar(1);
    return minimum(scalar(float(maxNorm)) / (norm + 1e-6), scalar(1));
  }

  Tensors update(const UpdateRule::Input &in) const {
    std::vector<Tensor> squares;
    for (size_t i = 0; i < targets.size(); ++i) {
      Scope scope(targets[i].weight.name);
      squares.push_back(block("squared_norm", sumOfSquares, in.gradients[i]));
    }
    Tensor norm = sqrt(sum(squares));
    if (in.lossScale) norm = norm / *in.lossScale;
    Tensor finite = isFinite(norm) * isFinite(in.loss);
    Tensor scale = clipping(norm);
    if (in.lossScale) scale = scale / *in.lossScale;
    Tensors results{norm};
    results.insert(results.end(), squares.begin(), squares.end());
    for (size_t i = 0; i < targets.size(); ++i)
      for (Tensor result : step(targets[i], in.gradients[i], {in.learningRate, in.step, scale, finite}))
        results.push_back(result);
    return results;
  }

  // The loss is known before any gradient, so that a loss that is not finite changes nothing; what else one weight has
  // to know is in its gradient.
  Tensors updateEarly(const UpdateRule::Input &in) const {
    Tensor finite = isFinite(in.loss), scale = scalar(1);
    std::vector<Tensor> squares, moved;
    Tensors results;
    for (size_t i = 0; i < targets.size(); ++i) {
      Tensors changed = step(targets[i], in.gradients[i], {in.learningRate, in.step, scale, finite});
      moved.push_back(changed.back()), changed.pop_back();
      squares.push_back(changed.back()), changed.pop_back();
      results.insert(results.end(), changed.begin(), changed.end());
    }
    results.insert(results.begin(), squares.begin(), squares.end());
    results.insert(results.begin(), {sqrt(sum(squares)), sum(moved)});
    return results;
  }

  // The new values of a weight and of what is kept for it, in their own shapes; early: then the checks of moved().
  Tensors step(const Target &target, Tensor gradient, const std::vector<Tensor> &shared) const {
    std::vector<Tensor> old{parameter(target.weight.name, target.weight.shape)};
    std::vector<Value> values{as(old[0], target.shape), as(gradient, target.shape)};
    for (const Kept &kept : target.kept)
      for (const UpdateRule::State &state : kept.parameters) {
        old.push_back(parameter(state.name, state.shape));
        values.push_back(state.shape == target.weight.shape ? as(old.back(), target.shape) : old.back());
      }
    values.insert(values.end(), shared.begin(), shared.end());
    Value &rate = values[values.size() - shared.size()];
    if (target.rateScale != 1) rate = shared[0] * target.rateScale;
    bool draws = rounding == Rounding::stochastic && old[0].dtype() == DType::bf16;
    if (draws) values.push_back(drawKey(shared[1], seed, target.number));
    Scope scope(target.weight.name);
    Tensors results = traceBlock("update_weight", values, [&](const auto &inner) { return moved(inner, target); });
    for (size_t i = 0; i < old.size(); ++i) results[i] = as(results[i], old[i].shape());
    return results;
  }
};

// Names and types of what is kept for a weight.
Kept keptFor(const std::string &weight, const OptimizerState &state, int64_t blockSize) {
  std::string name = state.name + "/" + weight;
  if (blockSize == 0) return {{{name, state.shape}}, state.signs};
  int64_t blocks = elements(state.shape) / blockSize;
  return {{{name, {blocks, blockSize}, DType::u8}, {state.name + "_scale/" + weight, {blocks}}}, state.signs};
}

// The first number in a weight's name is its layer's ("model.layers.3.mlp.up_proj.weight"); -1: it is in none.
int64_t layerOf(const std::string &name) {
  for (size_t begin = 0; begin < name.size();) {
    size_t end = std::min(name.find('.', begin), name.size());
    std::string_view part = std::string_view(name).substr(begin, end - begin);
    if (!part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == part.npos)
      return std::stoll(std::string(part));
    begin = end + 1;
  }
  return -1;
}

// The share of the learning rate of each weight. Weights are in the order in which the model reads them: those before
// the first layer are embeddings, those after it the last norm and the head.
std::map<std::string, double> layerScales(const std::vector<NamedShape> &weights, double decay) {
  int64_t layers = 0;
  for (const NamedShape &weight : weights) layers = std::max(layers, layerOf(weight.name) + 1);
  std::map<std::string, double> scales;
  bool inLayers = false;
  for (const NamedShape &weight : weights) {
    int64_t layer = layerOf(weight.name);
    inLayers |= layer >= 0;
    int64_t below = layer >= 0 ? layers - 1 - layer : inLayers ? 0 : layers;
    scales[weight.name] = std::pow(decay, double(below));
  }
  return scales;
}

Target targetOf(const NamedShape &weight, double layerScale, const Rule &rule, const UpdateOptions &options) {
  double decay = weight.shape.size() > 1 || options.decayVectors ? options.weightDecay : 0;
  Target target{weight, {}, 1, decay, int64_t(rule.targets.size()), weight.shape};
  auto group = std::ranges::find_if(
      options.groups, [&](const ParameterGroup &one) { return matchesPattern(one.pattern, weight.name); });
  target.rateScale = layerScale;
  if (group != options.groups.end())
    target.rateScale = group->rateScale.value_or(layerScale), target.decay = group->weightDecay.value_or(decay);
  int64_t size = options.state == StateType::eightBit ? blockSize(weight.shape) : 0;
  for (const OptimizerState &state : rule.optimizer.state(weight.shape, rule.settings))
    target.kept.push_back(keptFor(weight.name, state, state.shape == weight.shape ? size : 0));
  if (size && rule.optimizer.elementwise) target.shape = {elements(weight.shape) / size, size};
  if (options.emaDecay > 0) target.kept.push_back(keptFor(weight.name, {averagePrefix, weight.shape}, 0));
  return target;
}

Status checkFits(const char *what, const std::string &pattern, const std::vector<NamedShape> &weights) {
  for (const NamedShape &weight : weights)
    if (matchesPattern(pattern, weight.name)) return success();
  return diagnose(ErrorKind::invalidInput, what)
      .says("no weight has a name like '" + pattern + "'; the first is " + weights.front().name)
      .toFix("see the names with llc-model inspect MODEL --params; '*' stands for anything");
}

Result<std::vector<NamedShape>> unfrozen(const std::vector<std::string> &patterns,
                                         const std::vector<NamedShape> &weights) {
  for (const std::string &pattern : patterns) LLC_TRY(checkFits("frozen", pattern, weights));
  std::vector<NamedShape> left;
  for (const NamedShape &weight : weights)
    if (std::ranges::none_of(patterns, [&](const auto &pattern) { return matchesPattern(pattern, weight.name); }))
      left.push_back(weight);
  if (left.empty())
    return diagnose(ErrorKind::invalidInput, "frozen").says("all weights are frozen").toFix("leave some to be trained");
  return left;
}
}  // namespace

Result<UpdateRule> updateRule(const UpdateOptions &given, const std::vector<NamedShape> &weights) {
  UpdateOptions options = withoutSuffix(given);
  auto rule = std::make_shared<Rule>();
  LLC_ASSIGN(const Optimizer *optimizer, find(options.optimizer));
  rule->optimizer = *optimizer;
  LLC_ASSIGN(rule->settings, completeSettings(*optimizer, options.settings));
  rule->maxNorm = options.maxGradientNorm, rule->emaDecay = options.emaDecay, rule->early = options.early;
  rule->rounding = options.rounding, rule->seed = options.seed;
  LLC_ASSIGN(std::vector<NamedShape> moving, unfrozen(options.frozen, weights));
  for (const ParameterGroup &group : options.groups) LLC_TRY(checkFits("parameter group", group.pattern, weights));
  UpdateRule made;
  std::map<std::string, double> scales = layerScales(weights, options.layerDecay);
  for (const NamedShape &weight : moving) {
    rule->targets.push_back(targetOf(weight, scales[weight.name], *rule, options));
    made.weights.push_back(weight.name);
    made.changed.push_back(weight.name);
    for (const Kept &kept : rule->targets.back().kept)
      for (const UpdateRule::State &state : kept.parameters) {
        made.changed.push_back(state.name);
        made.state.push_back(state);
      }
  }
  made.early = options.early;
  made.update = [rule](const UpdateRule::Input &in) { return rule->early ? rule->updateEarly(in) : rule->update(in); };
  return made;
}

}  // namespace llc::models
