#include "models/updates/update.h"

#include "frontends/dsl/sugar.h"
#include "models/optimizer_registry.h"
#include "models/updates/tensors.h"

namespace llc::models {
using namespace dsl;
namespace {
constexpr const char *place = "optimizer";

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

// One weight and what is kept for it.
struct Target {
  NamedShape weight;
  std::vector<NamedShape> state;
  double decay = 0;
};

struct Rule {
  Optimizer optimizer;
  OptimizerSettings settings;
  std::vector<Target> targets;
  double maxNorm = 0;

  // A weight and its state after the step, on values of one weight: shared by all weights of a shape.
  Tensors moved(const std::vector<Value> &values, size_t states, double decay) const {
    auto at = [&](size_t i) { return Tensor(values[i].handle()); };
    Tensor weight = at(0), rate = at(states + 2), step = at(states + 3), scale = at(states + 4),
           finite = at(states + 5);
    UpdateInput in{weight, at(1) * scale, {}, rate, step};
    for (size_t i = 0; i < states; ++i) in.state.push_back(at(i + 2));
    Tensors results = optimizer.direction(in, settings);
    Tensor direction = decay == 0 ? results[0] : results[0] + weight * decay;
    results[0] = select(finite, weight - direction * rate, weight);
    for (size_t i = 0; i < states; ++i) results[i + 1] = select(finite, results[i + 1], in.state[i]);
    return results;
  }

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
    Tensor sums = squares.size() == 1 ? squares[0] : concat(squares, 0);
    Tensor norm = sqrt(reduce(reshape(sums, {1, int64_t(squares.size())}), {.signature = "ab->a", .kind = "sum"}));
    if (in.lossScale) norm = norm / *in.lossScale;
    // What is not finite is not less than the largest number either.
    Tensor finite = lt(abs(norm), scalar(3e38f)) * lt(abs(in.loss), scalar(3e38f));
    Tensor scale = clipping(norm);
    if (in.lossScale) scale = scale / *in.lossScale;
    Tensors results{norm};
    for (size_t i = 0; i < targets.size(); ++i) {
      const Target &target = targets[i];
      std::vector<Value> values{parameter(target.weight.name, target.weight.shape), in.gradients[i]};
      for (const NamedShape &state : target.state) values.push_back(parameter(state.name, state.shape));
      for (Tensor shared : {in.learningRate, in.step, scale, finite}) values.push_back(shared);
      Scope scope(target.weight.name);
      auto body = [&](const std::vector<Value> &inner) { return moved(inner, target.state.size(), target.decay); };
      for (Tensor result : traceBlock("update_weight", values, body)) results.push_back(result);
    }
    return results;
  }
};

Result<std::vector<NamedShape>> unfrozen(const std::vector<std::string> &patterns,
                                         const std::vector<NamedShape> &weights) {
  std::vector<NamedShape> left;
  std::vector<bool> fits(patterns.size());
  for (const NamedShape &weight : weights) {
    bool frozen = false;
    for (size_t i = 0; i < patterns.size(); ++i)
      if (matchesPattern(patterns[i], weight.name)) fits[i] = frozen = true;
    if (!frozen) left.push_back(weight);
  }
  for (size_t i = 0; i < patterns.size(); ++i)
    if (!fits[i])
      return diagnose(ErrorKind::invalidInput, "frozen")
          .says("no weight has a name like '" + patterns[i] + "'; the first is " + weights.front().name)
          .toFix("see the names with llc-model inspect MODEL --params; '*' stands for anything");
  if (left.empty())
    return diagnose(ErrorKind::invalidInput, "frozen").says("all weights are frozen").toFix("leave some to be trained");
  return left;
}
}  // namespace

Result<UpdateRule> updateRule(const UpdateOptions &options, const std::vector<NamedShape> &weights) {
  auto rule = std::make_shared<Rule>();
  LLC_ASSIGN(const Optimizer *optimizer, find(options.optimizer));
  rule->optimizer = *optimizer;
  LLC_ASSIGN(rule->settings, completeSettings(*optimizer, options.settings));
  rule->maxNorm = options.maxGradientNorm;
  LLC_ASSIGN(std::vector<NamedShape> moving, unfrozen(options.frozen, weights));
  UpdateRule made;
  for (const NamedShape &weight : moving) {
    Target target{weight, {}, weight.shape.size() > 1 || options.decayVectors ? options.weightDecay : 0};
    made.weights.push_back(weight.name);
    made.changed.push_back(weight.name);
    for (const OptimizerState &state : optimizer->state(weight.shape, rule->settings)) {
      target.state.push_back({state.name + "/" + weight.name, state.shape});
      made.changed.push_back(target.state.back().name);
      made.state.push_back(target.state.back());
    }
    rule->targets.push_back(std::move(target));
  }
  made.update = [rule](const UpdateRule::Input &in) { return rule->update(in); };
  return made;
}

}  // namespace llc::models
