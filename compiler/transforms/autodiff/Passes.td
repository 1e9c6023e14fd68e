// Reverse-mode differentiation. In pipeline order.
#ifndef LLC_AUTODIFF_PASSES
#define LLC_AUTODIFF_PASSES
include "mlir/Pass/PassBase.td"

def Differentiate : Pass<"llm-differentiate", "::mlir::ModuleOp"> {
  let summary = "gradients of the functions marked llm.differentiate";
  let description = [{
    Functions without the mark stay as they are. Marked ones are refused for now, with a message that says so: nothing is
    silently left undifferentiated.
  }];
}
#endif
