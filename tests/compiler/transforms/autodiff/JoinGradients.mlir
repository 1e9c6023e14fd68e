// RUN: llc-opt --llm-join-gradients %s | FileCheck %s

// dy is the weight of each row: the loss is made from what the gradient's op gives, too.
// CHECK-LABEL: func.func @weighted(
// CHECK-NOT: llm.linear_log_prob %
// CHECK: %[[Y:.*]], %[[DX:.*]], %{{.*}} = llm.linear_log_prob_backward
// CHECK: %[[P:.*]] = llm.mul %[[Y]]
// CHECK: return %[[P]], %[[DX]]
func.func @weighted(%x: tensor<3x4xf32>, %w: tensor<6x4xf32>, %t: tensor<3xi32>, %weight: tensor<3xf32>)
    -> (tensor<3xf32>, tensor<3x4xf32>) {
  %y = llm.linear_log_prob %x, %w, %t : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  %p = llm.mul %y, %weight : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  %dy = llm.neg %weight : (tensor<3xf32>) -> tensor<3xf32>
  %z, %dx, %dw = llm.linear_log_prob_backward %x, %w, %t, %dy
      : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>, tensor<3xf32>)
          -> (tensor<3xf32>, tensor<3x4xf32>, tensor<6x4xf32>)
  return %p, %dx : tensor<3xf32>, tensor<3x4xf32>
}

// Where dy depends on the log-probabilities, they have to be there before.
// CHECK-LABEL: func.func @dependent(
// CHECK: llm.linear_log_prob %
// CHECK: llm.linear_log_prob_backward
func.func @dependent(%x: tensor<3x4xf32>, %w: tensor<6x4xf32>, %t: tensor<3xi32>) -> (tensor<3xf32>, tensor<3x4xf32>) {
  %y = llm.linear_log_prob %x, %w, %t : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  %dy = llm.exp %y : (tensor<3xf32>) -> tensor<3xf32>
  %z, %dx, %dw = llm.linear_log_prob_backward %x, %w, %t, %dy
      : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>, tensor<3xf32>)
          -> (tensor<3xf32>, tensor<3x4xf32>, tensor<6x4xf32>)
  return %y, %dx : tensor<3xf32>, tensor<3x4xf32>
}

// Other targets are other log-probabilities.
// CHECK-LABEL: func.func @others(
// CHECK: llm.linear_log_prob %
func.func @others(%x: tensor<3x4xf32>, %w: tensor<6x4xf32>, %t: tensor<3xi32>, %u: tensor<3xi32>, %dy: tensor<3xf32>)
    -> (tensor<3xf32>, tensor<3x4xf32>) {
  %y = llm.linear_log_prob %x, %w, %t : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  %z, %dx, %dw = llm.linear_log_prob_backward %x, %w, %u, %dy
      : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>, tensor<3xf32>)
          -> (tensor<3xf32>, tensor<3x4xf32>, tensor<6x4xf32>)
  return %y, %dx : tensor<3xf32>, tensor<3x4xf32>
}

// Rows: the gradient's region begins as the other one does.
// CHECK-LABEL: func.func @rows(
// CHECK: %[[R:.*]]:2 = llm.by_rows
// CHECK-NOT: llm.by_rows
// CHECK: %[[L:.*]] = llm.mul %[[R]]#0
// CHECK: return %[[L]], %[[R]]#1
func.func @rows(%x: tensor<4x3xf32>, %weight: tensor<4xf32>) -> (tensor<4xf32>, tensor<4x3xf32>) {
  %y = llm.by_rows(%x) {row_results = 1 : i64, tiled = 1 : i64} : (tensor<4x3xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    %s = llm.logsumexp %a : (tensor<2x3xf32>) -> tensor<2xf32>
    llm.yield %s : tensor<2xf32>
  }
  %l = llm.mul %y, %weight : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %z, %dx = llm.by_rows(%x, %weight) {row_results = 2 : i64, tiled = 2 : i64}
      : (tensor<4x3xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4x3xf32>) {
  ^bb0(%a: tensor<2x3xf32>, %d: tensor<2xf32>):
    %s = llm.logsumexp %a : (tensor<2x3xf32>) -> tensor<2xf32>
    %g = llm.generic %d, %a, %s {body = "a*exp(b-c)", combiner = "", signature = "a,ab,a->ab"}
        : (tensor<2xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
    llm.yield %s, %g : tensor<2xf32>, tensor<2x3xf32>
  }
  return %l, %dx : tensor<4xf32>, tensor<4x3xf32>
}

// What flows back depends on the rows: they have to be there before.
// CHECK-LABEL: func.func @dependent_rows(
// CHECK-COUNT-2: llm.by_rows
func.func @dependent_rows(%x: tensor<4x3xf32>) -> (tensor<4xf32>, tensor<4x3xf32>) {
  %y = llm.by_rows(%x) {row_results = 1 : i64, tiled = 1 : i64} : (tensor<4x3xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    %s = llm.logsumexp %a : (tensor<2x3xf32>) -> tensor<2xf32>
    llm.yield %s : tensor<2xf32>
  }
  %dy = llm.exp %y : (tensor<4xf32>) -> tensor<4xf32>
  %z, %dx = llm.by_rows(%x, %dy) {row_results = 2 : i64, tiled = 2 : i64}
      : (tensor<4x3xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4x3xf32>) {
  ^bb0(%a: tensor<2x3xf32>, %d: tensor<2xf32>):
    %s = llm.logsumexp %a : (tensor<2x3xf32>) -> tensor<2xf32>
    %g = llm.generic %d, %a, %s {body = "a*exp(b-c)", combiner = "", signature = "a,ab,a->ab"}
        : (tensor<2xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
    llm.yield %s, %g : tensor<2xf32>, tensor<2x3xf32>
  }
  return %y, %dx : tensor<4xf32>, tensor<4x3xf32>
}

// Another computation of the same rows stays.
// CHECK-LABEL: func.func @other_rows(
// CHECK-COUNT-2: llm.by_rows
func.func @other_rows(%x: tensor<4x3xf32>, %weight: tensor<4xf32>) -> (tensor<4xf32>, tensor<4x3xf32>) {
  %y = llm.by_rows(%x) {row_results = 1 : i64, tiled = 1 : i64} : (tensor<4x3xf32>) -> tensor<4xf32> {
  ^bb0(%a: tensor<2x3xf32>):
    %s = llm.reduce %a {kind = "max", signature = "ab->a"} : (tensor<2x3xf32>) -> tensor<2xf32>
    llm.yield %s : tensor<2xf32>
  }
  %z, %dx = llm.by_rows(%x, %weight) {row_results = 2 : i64, tiled = 2 : i64}
      : (tensor<4x3xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<4x3xf32>) {
  ^bb0(%a: tensor<2x3xf32>, %d: tensor<2xf32>):
    %s = llm.logsumexp %a : (tensor<2x3xf32>) -> tensor<2xf32>
    %g = llm.generic %d, %a, %s {body = "a*exp(b-c)", combiner = "", signature = "a,ab,a->ab"}
        : (tensor<2xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
    llm.yield %s, %g : tensor<2xf32>, tensor<2x3xf32>
  }
  return %y, %dx : tensor<4xf32>, tensor<4x3xf32>
}
