// Weights in fewer bits. In pipeline order.
#ifndef LLC_QUANTIZATION_PASSES
#define LLC_QUANTIZATION_PASSES
include "mlir/Pass/PassBase.td"

def Quantize : Pass<"llm-quantize", "::mlir::ModuleOp"> {
  let summary = "replaces weights marked llm.quantize by quantized ones";
  let description = [{
    Parameters without the mark stay as they are. Marked ones are refused for now.
  }];
}
#endif
