// RUN: llc-opt --llm-differentiate --llm-compose-step --split-input-file --verify-diagnostics %s | FileCheck %s

// One batch a step: gradients go straight into the rule. The frozen parameter has none.
llm.parameter @w : tensor<4xf32>
llm.parameter @b {llm.frozen} : tensor<4xf32>

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %{{.*}}: tensor<4xf32> {llm.name = "x"}, %[[RATE:arg[0-9]+]]: tensor<1xf32> {llm.name = "learning_rate"})
// CHECK-SAME: -> (tensor<1xf32> {llm.name = "loss"}, tensor<4xf32> {llm.updates = "w"})
// CHECK: %[[OLD:.*]] = llm.use @w
// CHECK: llm.mul %{{.*}}, %[[RATE]]
// CHECK: %[[NEW:.*]] = llm.sub
// CHECK: return %{{.*}}, %[[NEW]]
// CHECK-NOT: @update
func.func @loss(%x: tensor<4xf32> {llm.name = "x"}) -> (tensor<1xf32> {llm.name = "loss"})
    attributes {llm.differentiate} {
  %w = llm.use @w : tensor<4xf32>
  %b = llm.use @b : tensor<4xf32>
  %p = llm.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %s = llm.add %p, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = llm.reshape %s : (tensor<4xf32>) -> tensor<1x4xf32>
  %y = llm.reduce %r {signature = "ab->a", kind = "sum"} : (tensor<1x4xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
func.func @update(%g: tensor<4xf32> {llm.gradient = "w"}, %l: tensor<1xf32> {llm.name = "loss"},
                  %rate: tensor<1xf32> {llm.name = "learning_rate"}) -> (tensor<4xf32> {llm.updates = "w"})
    attributes {llm.step_of = "loss"} {
  %w = llm.use @w : tensor<4xf32>
  %d = llm.mul %g, %rate : (tensor<4xf32>, tensor<1xf32>) -> tensor<4xf32>
  %n = llm.sub %w, %d : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %n : tensor<4xf32>
}

// -----

// Several batches: gradients are kept between them, nothing of what was there before where `keep` is 0.
llm.parameter @w : tensor<4xf32>

// CHECK: llm.parameter @"gradient/w" : tensor<4xf32>
// CHECK-LABEL: func.func @accumulate(
// CHECK-SAME: %[[KEEP:arg[0-9]+]]: tensor<1xf32> {llm.name = "keep"})
// CHECK-SAME: -> (tensor<1xf32>, tensor<4xf32> {llm.updates = "gradient/w"})
// CHECK: %[[OLD:.*]] = llm.use @"gradient/w"
// CHECK: llm.generic %[[OLD]], %{{.*}}, %[[KEEP]] {body = "select(c,a,0)+b"
// CHECK-LABEL: func.func @apply(
// CHECK-SAME: -> (tensor<4xf32> {llm.updates = "w"})
// CHECK: llm.use @"gradient/w"
func.func @loss(%x: tensor<4xf32>) -> tensor<1xf32> attributes {llm.differentiate} {
  %w = llm.use @w : tensor<4xf32>
  %p = llm.mul %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %r = llm.reshape %p : (tensor<4xf32>) -> tensor<1x4xf32>
  %y = llm.reduce %r {signature = "ab->a", kind = "sum"} : (tensor<1x4xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
func.func @update(%g: tensor<4xf32> {llm.gradient = "w"}) -> (tensor<4xf32> {llm.updates = "w"})
    attributes {llm.step_of = "loss", llm.accumulate} {
  %w = llm.use @w : tensor<4xf32>
  %n = llm.sub %w, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %n : tensor<4xf32>
}

// -----

llm.parameter @w : tensor<4xf32>

// expected-error@+1 {{there are no gradients of that function}}
func.func @update(%g: tensor<4xf32> {llm.gradient = "w"}) -> (tensor<4xf32> {llm.updates = "w"})
    attributes {llm.step_of = "nothing"} {
  return %g : tensor<4xf32>
}

// -----

// What the scaled loss and the rule both take is one argument.
llm.parameter @w : tensor<1xf32>

// CHECK-LABEL: func.func @train_step(
// CHECK-SAME: %{{.*}}: tensor<1xf32> {llm.name = "x"}, %[[SCALE:arg[0-9]+]]: tensor<1xf32> {llm.name = "loss_scale"}) ->
// CHECK: %[[G:.*]] = llm.generic %[[SCALE]]
// CHECK: llm.div %[[G]], %[[SCALE]]
func.func @loss(%x: tensor<1xf32> {llm.name = "x"}) -> (tensor<1xf32> {llm.name = "loss"})
    attributes {llm.differentiate, llm.scale_loss = "loss_scale"} {
  %w = llm.use @w : tensor<1xf32>
  %y = llm.mul %w, %x : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}
func.func @update(%g: tensor<1xf32> {llm.gradient = "w"}, %s: tensor<1xf32> {llm.name = "loss_scale"})
    -> (tensor<1xf32> {llm.updates = "w"}) attributes {llm.step_of = "loss"} {
  %w = llm.use @w : tensor<1xf32>
  %d = llm.div %g, %s : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  %n = llm.sub %w, %d : (tensor<1xf32>, tensor<1xf32>) -> tensor<1xf32>
  return %n : tensor<1xf32>
}
