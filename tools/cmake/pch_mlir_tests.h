// Precompiled for the tests of what uses MLIR.
#pragma once
#include <random>
#include <gtest/gtest.h>
#include "tools/cmake/pch_mlir.h"
