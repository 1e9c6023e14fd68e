// RUN: llc-opt --llm-order-stages %s | FileCheck %s

// Results that are written over a parameter.
module attributes {llm.max_tokens = 16 : i64, llm.max_rows = 2 : i64} {
  llm.parameter @w : tensor<4x4xf32>
  llm.parameter @m : tensor<4x4xf32>

  // An element-wise stage writes over what it reads; what else reads the old value comes in a group before it.
  // CHECK-LABEL: func.func @direct
  // CHECK: llm.tanh
  // CHECK: llm.add {{.*}}llm.barrier
  // CHECK-NOT: llm.generic
  // CHECK: return
  func.func @direct(%g: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32> {llm.updates = "w"}) {
    %w = llm.use @w : tensor<4x4xf32>
    %t = llm.tanh %w : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %n = llm.add %w, %g : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %t, %n : tensor<4x4xf32>, tensor<4x4xf32>
  }

  // Here the old m is read later than the new one is made, which is copied when everything has been read; the result of a
  // transposition of w may lie on w itself only as a copy.
  // CHECK-LABEL: func.func @copied
  // CHECK: %[[T:.*]] = llm.transpose
  // CHECK: %[[N:.*]] = llm.add
  // CHECK: llm.mul {{.*}}llm.barrier
  // CHECK-DAG: llm.generic %[[N]] {{.*}}
  // CHECK-DAG: llm.generic %[[T]] {{.*}}
  // CHECK: return
  func.func @copied(%g: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32> {llm.updates = "w"}, tensor<4x4xf32> {llm.updates = "m"}) {
    %w = llm.use @w : tensor<4x4xf32>
    %m = llm.use @m : tensor<4x4xf32>
    %t = llm.transpose %w {signature = "ab->ba"} : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %n = llm.add %m, %g : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %u = llm.mul %m, %t : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %u, %t, %n : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  }

  // A block learns which argument its result lies on.
  // CHECK-LABEL: func.func private @step
  // CHECK-SAME: %{{.*}}: tensor<4x4xf32> {llm.overwritten_by = 0 : i64}
  func.func private @step(%w: tensor<4x4xf32>, %g: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %n = llm.sub %w, %g : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %n : tensor<4x4xf32>
  }
  // CHECK-LABEL: func.func @called
  // CHECK: call @step
  // CHECK-NEXT: return
  func.func @called(%g: tensor<4x4xf32>) -> (tensor<4x4xf32> {llm.updates = "w"}) {
    %w = llm.use @w : tensor<4x4xf32>
    %n = call @step(%w, %g) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %n : tensor<4x4xf32>
  }

  // An update comes before calls that make more gradients, so that these may lie where its gradient was.
  func.func private @backward(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) {
    %g = llm.tanh %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
    %d = llm.exp %x : (tensor<4x4xf32>) -> tensor<4x4xf32>
    return %g, %d : tensor<4x4xf32>, tensor<4x4xf32>
  }
  // CHECK-LABEL: func.func @early
  // CHECK: %[[FIRST:.*]]:2 = call @backward
  // CHECK-NEXT: call @step(%{{.*}}, %[[FIRST]]#0)
  // CHECK-NEXT: %[[SECOND:.*]]:2 = call @backward(%[[FIRST]]#1)
  // CHECK-NEXT: call @step(%{{.*}}, %[[SECOND]]#0)
  func.func @early(%x: tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32> {llm.updates = "w"}, tensor<4x4xf32> {llm.updates = "m"}) {
    %w = llm.use @w : tensor<4x4xf32>
    %m = llm.use @m : tensor<4x4xf32>
    %a:2 = call @backward(%x) : (tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
    %b:2 = call @backward(%a#1) : (tensor<4x4xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>)
    %n = call @step(%w, %a#0) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    %k = call @step(%m, %b#0) : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
    return %b#1, %n, %k : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  }
}
