// RUN: llc-opt --llm-join-log-probabilities %s | FileCheck %s

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
