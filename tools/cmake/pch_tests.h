// Precompiled for the tests of the runtime. Apart from pch_runtime.h: what GoogleTest brings in must not reach executables.
#pragma once
#include <gtest/gtest.h>
#include "tools/cmake/pch_runtime.h"
