// Reverse-mode differentiation. In pipeline order.
#ifndef LLC_AUTODIFF_PASSES
#define LLC_AUTODIFF_PASSES
include "mlir/Pass/PassBase.td"

def Differentiate : Pass<"llm-differentiate", "::mlir::ModuleOp"> {
  let summary = "gradients of the functions marked llm.differentiate";
  let description = [{
    A function marked `llm.differentiate` gets a sibling @NAME_and_gradients: the same arguments and results, then one
    gradient per parameter that it reads, in order of first reading; the result attribute `llm.gradient` names the
    parameter; one marked `llm.frozen` has none. The first result is the loss, one float. The mark
    is removed, other functions stay as they are.

    With `llm.scale_loss = "NAME"` the sibling has one argument more, named so: what the loss is multiplied with before it is
    differentiated. Results stay what they are.

    A called function gets one @NAME_forward and one @NAME_backward, used by all of its calls. The mark's value says what
    they save: `llm.differentiate` or `llm.differentiate = "everything_saveable"`: all that the backward reads;
    `"nothing_saveable"`: nothing, the backward computes it again from the arguments; `"dots_saveable"` and others: a choice
    of ops (saving.h); `"keep:BYTES"`: what costs least to compute again if all calls together save at most that (budget.h;
    then the last calls may save more than the first). The gradients are the same, bit for bit.

    No op is named: adjoints come from the interface Differentiable. An op without one on the way from a parameter to the
    loss is an error at its location.
  }];
}

def JoinGradients : Pass<"llm-join-gradients", "::mlir::ModuleOp"> {
  let summary = "what the loss is made from comes from the op of its gradient, which computes it anyway";
  let description = [{
    Where a function has `llm.linear_log_prob` or `llm.by_rows` and its gradient, and what flows back does not depend on
    the results (the loss is a weighted sum of them), the gradient's first results take the place of the first op: one
    product less, and nothing has to be kept in between.
  }];
}
#endif
