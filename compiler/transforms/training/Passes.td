// From a loss and an update rule to a training step. In pipeline order.
#ifndef LLC_TRAINING_PASSES
#define LLC_TRAINING_PASSES
include "mlir/Pass/PassBase.td"

def ComposeStep : Pass<"llm-compose-step", "::mlir::ModuleOp"> {
  let summary = "gradients and the rule that uses them become one program";
  let description = [{
    A function marked `llm.step_of = "loss"` is an update rule. Its arguments are gradients (`llm.gradient` names the
    parameter), then the loss and others (`llm.name`); results with `llm.updates` are written over the parameter of that name.
    It is joined to @loss_and_gradients and both disappear:

    - @train_step(arguments of the loss, those of the rule but gradients, loss and what the loss takes by that name, too)
      -> (results of the loss, of the rule)
    - with `llm.accumulate` two entries instead, and a parameter "gradient/NAME" for each gradient:
      @accumulate(arguments of the loss, keep [1]) -> results of the loss; adds the gradients to what is kept (keep 0: to
      nothing), and @apply(arguments of the rule but gradients) -> results of the rule.

    A parameter marked `llm.frozen` has no gradient.
  }];
}
#endif
