// Programs cut across devices. In pipeline order.
#ifndef LLC_SHARDING_PASSES
#define LLC_SHARDING_PASSES
include "mlir/Pass/PassBase.td"

def Shard : Pass<"llm-shard", "::mlir::ModuleOp"> {
  let summary = "distributes a program over the mesh named by llm.mesh";
  let description = [{
    A module without `llm.mesh` runs on one device and stays as it is. A mesh of one device is the same; a larger one is
    refused for now.
  }];
}
#endif
