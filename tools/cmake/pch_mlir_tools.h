// Precompiled for the tools: they read options beside using MLIR.
#pragma once
#include <CLI/CLI.hpp>
#include <chrono>
#include "tools/cmake/pch_mlir.h"
// What most commands include.
#include "frontends/recipe/model_config.h"
#include "runtime/formats/safetensors.h"
#include "tools/cli/command.h"
#include "tools/cli/tracing.h"
