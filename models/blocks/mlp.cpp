#include "models/blocks/mlp.h"

#include <map>

#include "frontends/dsl/sugar.h"

namespace llc::models {
using namespace dsl;
namespace {
Tensor siluOf(Tensor x) { return silu(x); }
Tensor geluOf(Tensor x) { return gelu(x); }
Tensor geluTanhOf(Tensor x) { return gelu_tanh(x); }
Tensor geluQuickOf(Tensor x) { return gelu_quick(x); }
Tensor reluOf(Tensor x) { return relu(x); }
Tensor reluSquaredOf(Tensor x) { return square(relu(x)); }
Tensor tanhOf(Tensor x) { return tanh(x); }
Tensor logisticOf(Tensor x) { return logistic(x); }
Tensor clippedGelu(Tensor x) { return clamp(gelu(x), {.lo = -10, .hi = 10}); }
Tensor identity(Tensor x) { return x; }

// The names of the Hugging Face configurations. Several of them are one function computed in different ways.
const std::map<std::string, Activation> &activations() {
  static const std::map<std::string, Activation> table = {
      {"silu", siluOf},
      {"swish", siluOf},
      {"gelu", geluOf},
      {"gelu_python", geluOf},
      {"gelu_new", geluTanhOf},
      {"gelu_fast", geluTanhOf},
      {"gelu_pytorch_tanh", geluTanhOf},
      {"gelu_python_tanh", geluTanhOf},
      {"gelu_accurate", geluTanhOf},
      {"quick_gelu", geluQuickOf},
      {"gelu_10", clippedGelu},
      {"relu", reluOf},
      {"relu2", reluSquaredOf},
      {"tanh", tanhOf},
      {"sigmoid", logisticOf},
      {"linear", identity},
  };
  return table;
}
}  // namespace

Activation readActivation(Config &config, std::string_view key, std::string_view fallback) {
  std::string name = config.text(key, fallback);
  auto found = activations().find(name);
  if (found != activations().end()) return found->second;
  std::string known;
  for (auto &[other, function] : activations()) known += (known.empty() ? "" : ", ") + other;
  config.refuse(key, "unknown activation '" + name + "', known are " + known, "add it to models/blocks/mlp.cpp");
  return identity;
}

Tensor feedForward(Tensor x, const Mlp &mlp) {
  Scope scope(mlp.name);
  Tensor up = project(x, mlp.up, mlp.inner, mlp.bias, mlp.layout);
  Tensor inner = mlp.gate.empty() ? mlp.activation(up)
                                  : mlp.activation(project(x, mlp.gate, mlp.inner, mlp.bias, mlp.layout)) * up;
  return project(inner, mlp.down, x.size(-1), mlp.bias, mlp.layout);
}

}  // namespace llc::models
