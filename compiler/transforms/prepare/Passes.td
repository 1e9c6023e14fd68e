// Work on parameters, hoisted out of the entries. In pipeline order.
#ifndef LLC_PREPARE_PASSES
#define LLC_PREPARE_PASSES
include "mlir/Pass/PassBase.td"

def PackWeights : Pass<"llm-pack-weights", "::mlir::ModuleOp"> {
  let summary = "weights of matrix products become packed parameters, vectors f32, made by @prepare";
  let description = [{
    The weight of every llm.linear and llm.linear_log_prob that is a parameter (or a block argument that only ever is one)
    gets the type with the encoding #llm.panel, through all calls; vectors of halves become f32. A frozen weight that
    another product of a training step (llm.contract: its backward pass) reads as it lies stays as it is: it is in memory
    once. @prepare holds one call per prepared parameter of one function per shape, so its code does not grow with depth.

    ```mlir
    llm.parameter @"w#panel" : tensor<128x64xbf16, #llm.panel>
    func.func private @prepare.pack_128x64xbf16(%w: tensor<128x64xbf16>) -> tensor<128x64xbf16, #llm.panel>
    func.func @prepare() -> (tensor<128x64xbf16, #llm.panel> {llm.parameter = "w#panel"})
    ```
  }];
}
#endif
