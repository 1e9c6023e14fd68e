// RUN: llc-opt --llm-decompose %s | FileCheck %s

// Dense attention and its gradient have kernels, which hold no scores.
// CHECK-LABEL: func.func @attention(
// CHECK: llm.attention
// CHECK: llm.attention_backward
// CHECK-NOT: 3x3
func.func @attention(%q: tensor<1x3x2x4xf32>, %k: tensor<1x3x2x4xbf16>, %v: tensor<1x3x2x4xf32>, %dy: tensor<1x3x2x4xf32>,
    %delta: tensor<1x3x2xf32>) -> (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>) {
  %y, %l = llm.attention %q, %k, %v {scale = 0.5} : (tensor<1x3x2x4xf32>, tensor<1x3x2x4xbf16>, tensor<1x3x2x4xf32>)
      -> (tensor<1x3x2x4xf32>, tensor<1x3x2xf32>)
  %dq, %dk, %dv = llm.attention_backward %q, %k, %v, %dy, %l, %delta {scale = 0.5}
      : (tensor<1x3x2x4xf32>, tensor<1x3x2x4xbf16>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2xf32>,
         tensor<1x3x2xf32>) -> (tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>)
  return %y, %dq, %dk, %dv : tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>, tensor<1x3x2x4xf32>
}

// Not for doubles.
// CHECK-LABEL: func.func @doubles(
// CHECK-NOT: llm.attention
// CHECK: llm.contract
func.func @doubles(%q: tensor<1x3x2x4xf64>, %k: tensor<1x3x2x4xf64>, %v: tensor<1x3x2x4xf64>) -> tensor<1x3x2x4xf64> {
  %y, %l = llm.attention %q, %k, %v {scale = 0.5} : (tensor<1x3x2x4xf64>, tensor<1x3x2x4xf64>, tensor<1x3x2x4xf64>)
      -> (tensor<1x3x2x4xf64>, tensor<1x3x2xf64>)
  return %y : tensor<1x3x2x4xf64>
}

// A row program can do this one.
// CHECK-LABEL: func.func @rows
// CHECK: llm.softmax
func.func @rows(%x: tensor<?x8xf32> {llm.dim = "tokens"}) -> tensor<?x8xf32> {
  %y = llm.softmax %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Log-probabilities stream a packed weight. One that lies as it is is multiplied like any other.
// CHECK-LABEL: func.func @log_probabilities(
// CHECK: llm.linear_log_prob %{{.*}}#llm.panel
// CHECK-NOT: llm.linear_log_prob
// CHECK: llm.contract
func.func @log_probabilities(%x: tensor<3x4xf32>, %p: tensor<6x4xf32, #llm.panel>, %w: tensor<6x4xf32>, %t: tensor<3xi32>)
    -> (tensor<3xf32>, tensor<3xf32>) {
  %y = llm.linear_log_prob %x, %p, %t : (tensor<3x4xf32>, tensor<6x4xf32, #llm.panel>, tensor<3xi32>) -> tensor<3xf32>
  %z = llm.linear_log_prob %x, %w, %t : (tensor<3x4xf32>, tensor<6x4xf32>, tensor<3xi32>) -> tensor<3xf32>
  return %y, %z : tensor<3xf32>, tensor<3xf32>
}

// Their gradient works in tiles of rows, the second after the first: no logits of all rows. The weight's gradient is one sum.
// CHECK-LABEL: func.func @log_probability_gradients(
// CHECK-NOT: tensor<4x6xf32>
// CHECK: llm.after %{{.*}}, %arg3
// CHECK: %[[DX:.*]] = llm.contract {{.*}}"tv,vd->td"
// CHECK: %[[DW:.*]] = llm.contract {{.*}}"tv,td->vd"
// CHECK: llm.after %{{.*}}, %[[DX]]
// CHECK: %[[MORE:.*]] = llm.contract {{.*}}"tv,td->vd"
// CHECK: %[[SUM:.*]] = llm.generic %[[DW]], %[[MORE]] {{.*}}"a+b"
// CHECK: llm.concat
// CHECK: return %{{.*}}, %[[SUM]]
func.func @log_probability_gradients(%x: tensor<4x8xf32>, %w: tensor<6x8xf32>, %t: tensor<4xi32>, %dy: tensor<4xf32>)
    -> (tensor<4x8xf32>, tensor<6x8xf32>) {
  %y, %dx, %dw = llm.linear_log_prob_backward %x, %w, %t, %dy {tile_rows = 2 : i64}
      : (tensor<4x8xf32>, tensor<6x8xf32>, tensor<4xi32>, tensor<4xf32>)
          -> (tensor<4xf32>, tensor<4x8xf32>, tensor<6x8xf32>)
  return %dx, %dw : tensor<4x8xf32>, tensor<6x8xf32>
}

// Rows come tile after tile: each one waits for what is read of the one before, the first one for all inputs. What is not cut
// is summed.
// CHECK-LABEL: func.func @by_rows(
// CHECK: llm.after %{{.*}}, %arg1
// CHECK: llm.after %{{.*}}, %arg0
// CHECK: %[[Y:.*]] = llm.mul
// CHECK: %[[S:.*]] = llm.reduce %[[Y]]
// CHECK-COUNT-2: llm.after %{{.*}}, %[[S]]
// CHECK: %[[Z:.*]] = llm.mul
// CHECK: %[[MORE:.*]] = llm.reduce %[[Z]]
// CHECK: %[[SUM:.*]] = llm.generic %[[S]], %[[MORE]] {{.*}}"a+b"
// CHECK: return %[[SUM]]
func.func @by_rows(%x: tensor<4x3xf32>, %t: tensor<4x3xf32>) -> tensor<3xf32> {
  %y, %s = llm.by_rows(%x, %t) {row_results = 1 : i64, tiled = 2 : i64}
      : (tensor<4x3xf32>, tensor<4x3xf32>) -> (tensor<4x3xf32>, tensor<3xf32>) {
  ^bb0(%a: tensor<2x3xf32>, %b: tensor<2x3xf32>):
    %p = llm.mul %a, %b : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %q = llm.reduce %p {kind = "sum", signature = "ab->b"} : (tensor<2x3xf32>) -> tensor<3xf32>
    llm.yield %p, %q : tensor<2x3xf32>, tensor<3xf32>
  }
  return %s : tensor<3xf32>
}
